//! Every checkpoint of the system log goes to the witnesses, one after the other, beside everything else.

use std::sync::Arc;
use std::time::Duration;

use ledger::ids::TenantId;
use ledger_store::StoreError;
use tokio::sync::watch;

use super::{Witnesses, shared};
use crate::app::App;

/// How long a grown log rests before its checkpoint is submitted: many appends share one.
const REST: Duration = Duration::from_millis(250);
/// How soon a witness that did not cosign is asked again, at first and at the most.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Submits until `stop` turns true, as the holder of the duty in its epoch.
pub async fn run(app: Arc<App>, witnesses: Arc<Witnesses>, epoch: u64, mut stop: watch::Receiver<bool>) {
    let mut grown = app.store.subscribe();
    grown.mark_changed();
    let mut retry: Option<Duration> = None;
    loop {
        let again = async {
            match retry {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = grown.changed() => if changed.is_err() { return },
            () = again => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        grown.borrow_and_update();
        let all = tokio::select! {
            all = submit(&app, &witnesses, epoch) => all,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        retry = match all {
            Ok(true) => None,
            Ok(false) => Some(retry.map_or(RETRY_MIN, |after| (after * 2).min(RETRY_MAX))),
            Err(error) => {
                tracing::error!(%error, "the witnesses could not be given a checkpoint");
                Some(RETRY_MAX)
            }
        };
    }
}

/// Submits the latest checkpoint. `false`: it is to be done again, for a witness or because the log grew on.
async fn submit(app: &App, witnesses: &Witnesses, epoch: u64) -> Result<bool, StoreError> {
    let system = TenantId::system();
    let Some(keys) = app.keyring.log(&system) else { return Ok(false) };
    let Some(kept) = app.side.checkpoint(&system).await? else { return Ok(false) };
    let size = kept.size;
    let all = witnesses.submit(&*app.store, &*app.side, keys.checkpoint_signer().verifier(), kept).await?;
    if let Some(cosigned) = witnesses.latest().filter(|latest| latest.size == size) {
        shared::keep(app, epoch, cosigned).await?;
    }
    let head = app.store.log_head(&system).await?.map_or(0, |head| head.size);
    Ok(all && head == size)
}
