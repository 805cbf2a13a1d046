//! `ledger recover`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use ledger_store_sqlite::accept_loss;

use crate::config::{Config, StoreUrl};
use crate::runtime::backend::embedded_options;
use crate::runtime::keys::key_encryption_key;

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
}

/// Makes a database that does not fit its head file servable again, and says what that costs.
///
/// # Errors
/// The directory is in use, or the database is damaged in itself.
pub fn run(mut config: Config, args: &RecoverArgs) -> Result<ExitCode> {
    super::existing(&mut config, args.data.as_ref())?;
    if !args.accept_loss {
        bail!(
            "restore the newest database if there is one; if it is gone for good, say so with --accept-loss"
        );
    }
    if config.store.url()? != StoreUrl::Embedded {
        bail!(
            "a database that went back is mended by its newest copy or standby; going on with an older one is known for an embedded ledger alone"
        );
    }
    let losses = accept_loss(&embedded_options(&config, &key_encryption_key(&config, true)?))?;
    if losses.is_empty() {
        println!("nothing was lost: the database fits its head file");
    }
    for loss in losses {
        println!("tenant {}: had {} entries, has {}", loss.tenant, loss.known_size, loss.size);
        println!("  {} goes on as {}", loss.origin, loss.successor);
        println!("  its next genesis names the last known root {}", ledger::b64::encode(loss.known_root));
    }
    Ok(ExitCode::SUCCESS)
}
