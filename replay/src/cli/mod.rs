//! The command line: 0 if everything holds, 1 if something does not, 2 if the call makes no sense.

mod as_of;
mod bars;
mod diff;
mod rebuild;
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
    /// Replay an export into the read models and print their digests.
    Rebuild(rebuild::Arguments),
    /// Tell what the status of controls was at a point in time, and on which evidence.
    AsOf(as_of::Arguments),
    /// Compare two exports: their logs, and what follows from them.
    Diff(diff::Arguments),
}

/// How a command went: the exit code, or why it could not be carried out.
type Outcome = Result<u8, CommandError>;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    /// The call makes no sense.
    #[error(transparent)]
    Usage(#[from] crate::UsageError),
    /// The export cannot be replayed.
    #[error(transparent)]
    Replay(#[from] crate::ReplayError),
    /// The answer cannot be written.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl CommandError {
    /// A damaged export fails; everything else is a matter of the call.
    const fn code(&self) -> u8 {
        match self {
            Self::Replay(crate::ReplayError::File { .. } | crate::ReplayError::Entry { .. }) => FAILS,
            _ => USAGE,
        }
    }
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
        Command::Rebuild(arguments) => rebuild::run(arguments),
        Command::AsOf(arguments) => as_of::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        error.code()
    }))
}
