//! `ledger recover`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use ledger_store::succession::AcceptedLoss;
use ledger_store_postgres::HeadOptions;
use ledger_store_sqlite::DirectoryLock;

use super::serve::runtime;
use crate::config::{Config, StoreUrl};
use crate::runtime::backend::{embedded_options, postgres_options};
use crate::runtime::keys::{head_key, key_encryption_key};
use crate::runtime::place::forget_derived;

/// What to recover.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// The data directory; no server may be running on it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Go on with a database that is behind its head file: logs that lost entries get a successor origin, and their next
    /// genesis names what was lost. It cannot be undone.
    #[arg(long)]
    accept_loss: bool,
    /// A copy of another process's head file, which may know of more entries; can be given several times. For a database
    /// that several processes share.
    #[arg(long, value_name = "FILE")]
    head_of: Vec<PathBuf>,
}

/// Makes a database that does not fit its head file servable again, and says what that costs.
///
/// # Errors
/// The store is in use, or the database is damaged in itself.
pub fn run(mut config: Config, args: &RecoverArgs) -> Result<ExitCode> {
    super::existing(&mut config, args.data.as_ref())?;
    if !args.accept_loss {
        bail!(
            "restore the newest database if there is one; if it is gone for good, say so with --accept-loss"
        );
    }
    let losses = match config.store.url()? {
        StoreUrl::Embedded if args.head_of.is_empty() => {
            ledger_store_sqlite::accept_loss(&embedded_options(&config, &key_encryption_key(&config, true)?))?
        }
        StoreUrl::Embedded => {
            bail!("an embedded ledger has one head file: --head-of is for a shared database")
        }
        StoreUrl::Postgres(url) => database(&config, &url, &args.head_of)?,
        StoreUrl::EventStoreDb(_) => bail!(
            "EventStoreDB keeps the log itself: restore its newest copy. What stands beside it is mended where it lies"
        ),
    };
    if losses.is_empty() {
        println!("nothing was lost: the database fits what the head file knows");
    } else {
        // They tell of what was lost too.
        forget_derived(&config.data.dir)?;
    }
    for loss in losses {
        println!("tenant {}: had {} entries, has {}", loss.tenant, loss.known_size, loss.size);
        println!("  {} goes on as {}", loss.origin, loss.successor);
        println!("  its next genesis names the last known root {}", ledger::b64::encode(loss.known_root));
    }
    Ok(ExitCode::SUCCESS)
}

/// Accepts the loss for all processes of a database.
fn database(config: &Config, url: &str, others: &[PathBuf]) -> Result<Vec<AcceptedLoss>> {
    let _lock = DirectoryLock::take(&config.data.dir.join("ledger.lock"))
        .with_context(|| format!("{} is no process's data directory", config.data.dir.display()))?;
    let kek = key_encryption_key(config, true)?;
    let head = HeadOptions { path: config.head_file(), key: head_key(&kek) };
    let options = postgres_options(config, url)?;
    Ok(runtime()?.block_on(ledger_store_postgres::accept_loss(&options, &head, others))?)
}
