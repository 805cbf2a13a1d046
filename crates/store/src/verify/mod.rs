//! Verifying a store through its contract: everything that is derived is computed again from the signed bytes and compared.
//!
//! It sees what readers see. A backend that can look below that (pages, pointers, rows) has a verifier of its own that goes
//! further and reports in the same words.

mod log;
mod report;

use std::collections::BTreeMap;

use ledger::checkpoint::Checkpoint;
use ledger::ids::TenantId;
use ledger::merkle::{Hash, range_nodes, root_at};
use ledger::tile::TileSet;

pub use report::{Failure, Verification, VerifiedLog};

use crate::{EventStore, LogHead, Read, SideStore, StoreError};
use log::LogVerifier;

/// Verifies all logs as they are at the beginning; `progress` is told how many events have been read and how many there
/// are.
///
/// # Errors
/// The store cannot be read; what is wrong with what it gives is in the report.
pub async fn verify_events(
    store: &dyn EventStore,
    side: &dyn SideStore,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verification, StoreError> {
    let mut report = Verification::default();
    let (mut logs, mut total) = (BTreeMap::new(), 0);
    for info in side.logs().await? {
        // The checkpoint first: the log may then be ahead of it, never behind.
        let checkpoint = side.checkpoint(&info.tenant).await?;
        let Some(head) = store.log_head(&info.tenant).await? else { continue };
        let mut log = LogVerifier::new(info.tenant.clone());
        log.want(head.size);
        let checkpoint = checkpoint.and_then(|kept| match Checkpoint::parse_note(kept.note.as_bytes()) {
            Ok((checkpoint, _)) => Some(checkpoint),
            Err(error) => {
                report.fail(Failure::of_log(&info.tenant, format!("its checkpoint cannot be read: {error}")));
                None
            }
        });
        checkpoint.iter().for_each(|checkpoint| log.want(checkpoint.size));
        total = total.max(head.last_position);
        logs.insert(info.tenant, (log, head, checkpoint));
    }
    let mut next = 1;
    while next <= total {
        let page = store.read(Read::all(next)).await?;
        for event in page.events.iter().take_while(|event| event.position <= total) {
            if event.position != next {
                let reason = format!("positions {next} to {} are missing", event.position - 1);
                report.fail(Failure { position: Some(next), ..Failure::of_store(reason) });
            }
            next = event.position + 1;
            report.events += 1;
            match logs.get_mut(&event.tenant) {
                Some((log, ..)) => log.take(event, &mut report),
                None => report.fail(Failure::of_log(&event.tenant, "has events, but is no log")),
            }
        }
        progress(next - 1, total);
        if page.events.is_empty() {
            let reason = format!("positions {next} to {total} are missing");
            report.fail(Failure { position: Some(next), ..Failure::of_store(reason) });
            break;
        }
    }
    for (log, ..) in logs.values_mut() {
        log.check_signatures(&mut report);
    }
    // Signatures are checked many at a time, after what else is wrong with events that follow them.
    report.failures.sort_by_key(|failure| failure.position.unwrap_or(0));
    for (tenant, (log, head, checkpoint)) in logs {
        compare(store, &mut report, &log, &head, checkpoint.as_ref()).await?;
        report.logs.push(VerifiedLog { tenant, size: log.size(), root: log.root() });
    }
    Ok(report)
}

async fn compare(
    store: &dyn EventStore,
    report: &mut Verification,
    log: &LogVerifier,
    head: &LogHead,
    checkpoint: Option<&Checkpoint>,
) -> Result<(), StoreError> {
    let tenant = &log.tenant;
    match log.root_at(head.size) {
        None => report.fail(Failure::of_log(
            tenant,
            format!("has {} entries, its head says {}", log.size(), head.size),
        )),
        Some(root) if root != head.root => {
            report.fail(Failure::of_log(tenant, "the root of its head is not that of its entries"));
        }
        Some(root) => {
            if tree_root(store, tenant, head.size).await? != Some(root) {
                report.fail(Failure::of_log(tenant, "its tiles are not those of its entries"));
            }
        }
    }
    if let Some(checkpoint) = checkpoint
        && log.root_at(checkpoint.size) != Some(checkpoint.root)
    {
        let reason = format!("its first {} entries are not those of its checkpoint", checkpoint.size);
        report.fail(Failure::of_log(tenant, reason));
    }
    for (tile, leaves) in log.tiles() {
        if store.tile(tenant, &tile).await?.as_deref() != Some(leaves) {
            report.fail(Failure::of_log(tenant, format!("{tile} is not that of its entries")));
        }
    }
    for (stream, last) in log.heads() {
        let stored = match store.stream_head(tenant, stream).await {
            // Heads that are told by the events cannot be where those are damaged.
            Err(StoreError::Corrupt { what }) => {
                report.fail(Failure::of_log(tenant, format!("the head of stream {stream}: {what}")));
                break;
            }
            stored => stored?,
        };
        // It may have grown meanwhile.
        if stored.is_none_or(|stored| stored.seq < last.seq || stored.seq == last.seq && stored != *last) {
            report
                .fail(Failure::of_log(tenant, format!("the head of stream {stream} is not its last event")));
        }
    }
    Ok(())
}

/// The root over the first entries of a log, from its tiles; nothing where one is missing.
pub(crate) async fn tree_root(
    store: &dyn EventStore,
    tenant: &TenantId,
    size: u64,
) -> Result<Option<Hash>, StoreError> {
    let mut tiles = TileSet::new(size);
    for tile in tiles.needed(range_nodes(0, size)) {
        let Some(bytes) = store.tile(tenant, &tile).await? else { return Ok(None) };
        if tiles.insert(tile, bytes).is_err() {
            return Ok(None);
        }
    }
    Ok(root_at(size, &tiles).ok())
}

#[cfg(test)]
mod tests;
