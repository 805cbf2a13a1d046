//! Anchors all tenants' checkpoints in the system log: at most once a minute, when one of them changed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use ledger::anchor::AnchorTree;
use ledger::checkpoint::Checkpoint;
use ledger::ids::{CommandId, TenantId};
use ledger_aggregates::anchor::{Anchor, AnchorCommand};
use ledger_store::{AnchorLeaf, AnchorSet};
use tokio::sync::watch;

use crate::app::App;
use crate::commands::Order;

/// How long a changed checkpoint waits for its anchor.
pub const ANCHOR_EVERY: Duration = Duration::from_secs(60);

/// Anchors until `stop` turns true.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ANCHOR_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = anchor(&app).await {
            tracing::warn!(%error, "the checkpoints could not be anchored; tried again in a minute");
        }
    }
}

/// Anchors the latest checkpoints once; the same ones again change nothing.
///
/// # Errors
/// The store.
pub async fn anchor(app: &App) -> Result<()> {
    let logs = app.side.logs().await?;
    let slots = logs.iter().filter_map(|log| log.slot).max().map_or(0, |slot| slot + 1);
    let mut leaves = Vec::new();
    for log in logs {
        let (Some(slot), Some(kept)) = (log.slot, app.side.checkpoint(&log.tenant).await?) else { continue };
        let (checkpoint, _) = Checkpoint::parse_note(kept.note.as_bytes())?;
        leaves.push(AnchorLeaf { slot, text: checkpoint.text() });
    }
    if leaves.is_empty() {
        return Ok(());
    }
    leaves.sort_by_key(|leaf| leaf.slot);
    let text =
        |slot| leaves.iter().find(|leaf: &&AnchorLeaf| leaf.slot == slot).map(|leaf| leaf.text.as_str());
    let tree = AnchorTree::new((0..slots).map(text));
    let data = tree.data();
    let root: [u8; 32] = ledger::b64::decode_array(&data.root)?;
    let command = AnchorCommand { root: data.root.parse().map_err(|error| anyhow!("{error}"))?, slots };
    app.side.put_anchor(AnchorSet { root, leaves }).await?;
    let system = TenantId::system();
    let order =
        Order::system("anchor", &system, Anchor::stream(), CommandId::new(format!("anchor-{}", data.root))?);
    app.command::<Anchor>(&order, &command).await.map_err(|error| anyhow!("{}", error.detail))?;
    Ok(())
}
