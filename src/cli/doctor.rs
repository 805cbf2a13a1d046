//! `ledger doctor`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::serve::runtime;
use crate::doctor::examine;

/// What to look at.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The data directory. A server may be running on it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Looks at everything that a ledger needs, and says how to mend what is not as it should be.
///
/// # Errors
/// The async runtime cannot start.
pub fn run(config: Option<&Path>, store: Option<String>, args: &DoctorArgs) -> Result<ExitCode> {
    let report = runtime()?.block_on(examine(config, args.data.as_ref(), store));
    if args.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
