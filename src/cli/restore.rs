//! `ledger restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use ledger_store::Custody;
use serde_json::json;

use super::carried::{Bars, print};
use super::serve::runtime;
use crate::config::{Config, StoreUrl};
use crate::runtime::place::{Carried, Place, backup, forget_derived, snapshot_to};

/// What to restore, and where to.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup's directory.
    #[arg(value_name = "BACKUP")]
    from: PathBuf,
    /// The data directory: the ledger is restored into it, unless --store names a database.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Makes a ledger of a backup. It can be cut off at any point and run again.
///
/// # Errors
/// There is no whole backup, or something else where it should go.
pub fn run(mut config: Config, args: RestoreArgs) -> Result<ExitCode> {
    if let Some(data) = &args.data {
        config.data.dir.clone_from(data);
    }
    let to = match config.store.url()? {
        StoreUrl::Embedded => Place::Directory(config.data.dir.clone()),
        StoreUrl::Postgres(url) => Place::Database(url),
        StoreUrl::EventStoreDb(_) => bail!(
            "a backup is restored into a directory (--data) or a PostgreSQL database (--store postgres://…), not into EventStoreDB"
        ),
    };
    let bars = Bars::new();
    let carried = runtime()?.block_on(async {
        let from = backup(&args.from).await?;
        let mut progress = |step, done, of| bars.step(step, done, of);
        let source = std::path::absolute(&args.from)?;
        let live = Custody::default();
        let arrived =
            snapshot_to(&from, &source.display().to_string(), (&to, &config), &live, &mut progress).await?;
        // They told of what was there before. A directory that nobody named may be another ledger's.
        if args.data.is_some() || matches!(to, Place::Directory(_)) {
            forget_derived(&config.data.dir)?;
        }
        anyhow::Ok(Carried::from(arrived))
    })?;
    bars.clear();
    let missing = what_is_missing(&config);
    if args.json {
        println!("{}", json!({ "to": to.to_string(), "arrived": carried, "missing": missing }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("restored to {to}");
    print(&carried);
    for line in &missing {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is no part of a backup and has to come from elsewhere.
fn what_is_missing(config: &Config) -> Vec<String> {
    let (kek, head, erasures) = (config.kek_file(), config.head_file(), config.erasure_list());
    let mut missing = Vec::new();
    if !kek.exists() {
        missing
            .push(format!("put the key file of this ledger to {}: it is no part of a backup", kek.display()));
    }
    if !erasures.exists() {
        missing.push(format!(
            "put the newest erasure list to {}: what was erased since the backup is erased again at the start",
            erasures.display()
        ));
    }
    if !head.exists() {
        missing.push(format!(
            "put the newest head file to {}: it tells whether something is missing that was acknowledged; if it is gone too, go on with `ledger recover --accept-loss`",
            head.display()
        ));
    }
    missing
}
