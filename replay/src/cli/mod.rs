//! The command line: 0 if everything holds, 1 if something does not, 2 if the call makes no sense.

mod bars;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything holds.
const HOLDS: u8 = 0;
/// Something does not hold.
const FAILS: u8 = 1;
/// The call makes no sense: a wrong argument, a file that cannot be read.
const USAGE: u8 = 2;

/// Verifies and replays an export of the Integration Ledger, offline.
#[derive(Debug, Parser)]
#[command(name = "ledger-replay", version, about, after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "Exit code: 0 if everything holds, 1 if something does not, 2 if the call makes no sense.\n\
    Nothing is sent or fetched: this program links no network code.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every signature, chain, hash, anchor and file of an export.
    Verify(verify::Arguments),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Clap prints help and version to the standard output, mistakes to the standard error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { HOLDS });
        }
    };
    let outcome = match &arguments.command {
        Command::Verify(arguments) => verify::run(arguments),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        USAGE
    }))
}
