//! The binary `ledger-replay`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ledger_replay::cli::run()
}
