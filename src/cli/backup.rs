//! `ledger backup`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use ledger_store::Custody;

use super::carried::{Bars, print};
use super::serve::runtime;
use crate::api::local::LocalBackup;
use crate::config::{Config, StoreUrl};
use crate::http::lines::follow;
use crate::http::local;
use crate::runtime::place::{Carried, Place, snapshot_to};

/// What to back up.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The data directory. A server may be running on it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The directory to make; one in which an earlier run was cut off is gone on with.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Writes the backup and verifies it where it lies; through the server if one has the directory.
///
/// # Errors
/// There is no ledger, or what was written does not hold.
pub fn run(mut config: Config, args: BackupArgs) -> Result<ExitCode> {
    super::existing(&mut config, args.data.as_ref())?;
    let out = std::path::absolute(&args.out).context("the directory's path")?;
    let data = std::path::absolute(&config.data.dir).context("the data directory's path")?;
    if out.starts_with(&data) {
        bail!("{} lies in the data directory: a backup belongs on another disk", args.out.display());
    }
    let bars = Bars::new();
    let carried = runtime()?.block_on(async {
        let source = match config.store.url()? {
            StoreUrl::Embedded => {
                let request = serde_json::to_vec(&LocalBackup { out: out.clone() })?;
                if let Some(response) = local::ask(&config.data.dir, "/local/backup", request).await? {
                    return follow::<Carried>(response, |far| bars.far(far)).await;
                }
                Place::Directory(config.data.dir.clone())
            }
            StoreUrl::Postgres(url) => Place::Database(url),
            StoreUrl::EventStoreDb(_) => bail!(
                "a log on EventStoreDB is not backed up by the ledger: use that server's own backup, and back up the side store"
            ),
        };
        let (from, to) = (source.source(&config).await?, Place::Directory(out));
        let mut progress = |step, done, of| bars.step(step, done, of);
        let arrived =
            snapshot_to(&from, &source.to_string(), (&to, &config), &Custody::Backup, &mut progress).await?;
        anyhow::Ok(Carried::from(arrived))
    })?;
    bars.clear();
    if args.json {
        println!("{}", serde_json::to_string(&carried)?);
    } else {
        println!("backed up to {}", args.out.display());
        print(&carried);
        println!(
            "keep the key file ({}) apart from it: without it a backup cannot be read",
            config.kek_file().display()
        );
    }
    Ok(ExitCode::SUCCESS)
}
