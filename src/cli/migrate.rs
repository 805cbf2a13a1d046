//! `ledger migrate`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use ledger_store_postgres::{migrate, pending};

use super::serve::runtime;
use crate::config::{Config, StoreUrl};
use crate::runtime::backend::postgres_options;

/// What to do.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Say what would be done, and do nothing. Exit code 0: nothing; 1: there is something.
    #[arg(long)]
    dry_run: bool,
}

/// Brings the schema of a database up to date, as each start does: for those whose servers run without the right to.
///
/// # Errors
/// The database cannot be reached, or the role lacks the right.
pub fn run(config: &Config, args: &MigrateArgs) -> Result<ExitCode> {
    let StoreUrl::Postgres(url) = config.store.url()? else {
        bail!("an embedded ledger is brought up to date when it is opened; name a database with --store");
    };
    let options = postgres_options(config, &url)?;
    let pending = runtime()?.block_on(pending(&options))?;
    for name in &pending {
        println!("{name}");
    }
    if args.dry_run {
        println!("{} to do", pending.len());
        return Ok(if pending.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    runtime()?.block_on(migrate(&options))?;
    println!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}
