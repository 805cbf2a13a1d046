//! Opening: the index held against the server, and both against what the side store knows.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use kurrentdb::Position;
use ledger::checkpoint::Checkpoint;
use ledger::ids::TenantId;
use ledger::merkle::root_at;
use ledger::tile::{TileError, TileId, TileReader};
use ledger_store::{EventStore, LogHead, Read, SideStore, StoredEvent};
use ledger_store_sqlite::{SqliteStore, StoreOptions};

use crate::derive::Deriver;
use crate::entry::Entry;
use crate::error::{Failure, OpenError};
use crate::link::Link;
use crate::options::EsdbOptions;
use crate::parts::Parts;

/// A position that the server has not filled in.
const NO_POSITION: u64 = u64::MAX;

pub(crate) async fn open(options: EsdbOptions) -> Result<(Arc<Parts>, Deriver), OpenError> {
    let link = Link::new(&options.url).map_err(OpenError::Url)?;
    let index = open_index(&options.index).await?;
    let parts = Arc::new(Parts { index, side: options.side, link, prefix: options.prefix });
    let known = parts.side.logs().await.map_err(OpenError::Side)?;
    for log in parts.index.logs().await.map_err(OpenError::Derive)? {
        if !known.contains(&log) {
            return Err(OpenError::SideMissing { tenant: log.tenant.to_string() });
        }
    }
    parts.refresh_logs().await.map_err(as_open)?;
    let last = parts.index.read(Read::all(u64::MAX).backward().limit(1)).await.map_err(OpenError::Derive)?;
    let mut at = None;
    for log in &known {
        if let Some(event) = tail(&parts, &log.tenant).await? {
            let position = on_server(&parts, &event).await?;
            if last.events.first().is_some_and(|last| last.position == event.position) {
                at = position;
            }
        }
    }
    let mut deriver = Deriver::new(parts.clone(), at);
    deriver.catch_up().await.map_err(as_open)?;
    for log in &known {
        signed(&parts, &log.tenant).await?;
    }
    Ok((parts, deriver))
}

/// The index's head file lies beside it: whoever deletes the index deletes both. What guards against a loss is the
/// server's log, held against the index, and the checkpoints of the side store.
async fn open_index(directory: &Path) -> Result<SqliteStore, OpenError> {
    let directory = directory.to_owned();
    let opened = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&directory).map_err(|error| ledger_store_sqlite::OpenError::Io {
            path: directory.clone(),
            reason: format!("{error}; the directory must be writable"),
        })?;
        SqliteStore::open(StoreOptions::new(&directory, directory.join("heads"), [0; 32]))
    });
    Ok(opened.await.map_err(|error| OpenError::Server(error.to_string()))??)
}

async fn tail(parts: &Parts, tenant: &TenantId) -> Result<Option<StoredEvent>, OpenError> {
    let page = parts.index.read(Read::log(tenant, u64::MAX).backward().limit(1)).await;
    Ok(page.map_err(OpenError::Derive)?.events.into_iter().next())
}

/// Where the server has an event of the index. It must be there, the same.
async fn on_server(parts: &Parts, event: &StoredEvent) -> Result<Option<Position>, OpenError> {
    let lost = |detail: String| OpenError::Lost { tenant: event.tenant.to_string(), detail };
    let recorded = parts.link.event(&parts.stream(&event.tenant), event.index).await.map_err(as_open)?;
    let Some(recorded) = recorded else {
        return Err(lost(format!("entry {} was derived, and is not there", event.index)));
    };
    let entry = Entry::decode(&parts.prefix, &recorded).map_err(as_open)?;
    if entry.event.header != event.header || entry.event.signature != event.signature {
        return Err(lost(format!("entry {} is another one than was derived", event.index)));
    }
    // Older servers do not say it when a stream is read: then everything is looked at again.
    Ok(Some(recorded.position).filter(|position| position.commit != NO_POSITION))
}

/// What was signed must be there.
async fn signed(parts: &Parts, tenant: &TenantId) -> Result<(), OpenError> {
    let Some(checkpoint) = parts.checkpoint(tenant).await.map_err(OpenError::Side)? else { return Ok(()) };
    let lost = |detail: String| OpenError::Lost { tenant: tenant.to_string(), detail };
    let stated = Checkpoint::parse_note(checkpoint.note.as_bytes());
    let head = parts.index.log_head(tenant).await.map_err(OpenError::Derive)?;
    let size = head.as_ref().map_or(0, |head| head.size);
    if size < checkpoint.size {
        return Err(lost(format!("a checkpoint of {} entries is signed, {size} are there", checkpoint.size)));
    }
    let (Ok((stated, _)), Some(head)) = (stated, head) else { return Ok(()) };
    if root(parts, tenant, &head, stated.size).await? != stated.root {
        return Err(lost(format!("its first {} entries are not those that were signed", stated.size)));
    }
    Ok(())
}

/// The root over the first entries of a log.
async fn root(parts: &Parts, tenant: &TenantId, head: &LogHead, size: u64) -> Result<[u8; 32], OpenError> {
    if size == head.size {
        return Ok(head.root);
    }
    let failed = |reason: String| OpenError::Derive(ledger_store::StoreError::corrupt(reason));
    let mut tiles: HashMap<String, Vec<u8>> = HashMap::new();
    loop {
        let fetch = |tile: TileId| tiles.get(&tile.path()).cloned().ok_or(());
        let tile = match root_at(size, &TileReader::new(head.size, fetch)) {
            Ok(root) => return Ok(root),
            // Tiles are not read here but below, one after the other: there are few.
            Err(TileError::Fetch(tile, ())) => tile,
            Err(error) => return Err(failed(format!("{error:?}"))),
        };
        let bytes = parts.index.tile(tenant, &tile).await.map_err(OpenError::Derive)?;
        tiles.insert(tile.path(), bytes.ok_or_else(|| failed(format!("tile {} is missing", tile.path())))?);
    }
}

fn as_open(failure: Failure) -> OpenError {
    match failure {
        Failure::Server(reason) => OpenError::Server(reason),
        Failure::Store(error) => OpenError::Derive(error),
        Failure::Corrupt(what) => OpenError::Derive(ledger_store::StoreError::corrupt(what)),
        Failure::Unknown(tenant) => OpenError::SideMissing { tenant },
    }
}
