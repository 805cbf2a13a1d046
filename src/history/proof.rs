//! Proofs out of the store: the plan says which tiles are needed, they are fetched, the proof is made of them.

use std::time::Duration;

use ledger::checkpoint::Checkpoint;
use ledger::event::{Header, entry_bytes};
use ledger::ids::TenantId;
use ledger::merkle::{Hash, HashReader, Node};
use ledger::proof;
use ledger::tile::TileSet;
use ledger::tlog_proof::TlogProof;
use ledger_store::{EventStore, Read, SideStore, StoreError, StoredCheckpoint, StoredEvent};

/// How often to look for a checkpoint that covers an entry.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long to wait for it: checkpoints follow an append within 250 ms unless the signer is held.
pub const CHECKPOINT_WAIT: Duration = Duration::from_secs(2);

/// An entry's proof is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log is shorter.
    #[error("the log has no entry {0}")]
    NoEntry(u64),
    /// No checkpoint covers it yet.
    #[error("no checkpoint covers entry {0} yet")]
    NotCovered(u64),
    /// What the store holds does not fit together.
    #[error("{0}")]
    Damaged(String),
}

/// One event of a log.
///
/// # Errors
/// [`ProofError::NoEntry`]
pub async fn event(store: &dyn EventStore, tenant: &TenantId, index: u64) -> Result<StoredEvent, ProofError> {
    let page = store.read(Read::log(tenant, index).limit(1)).await?;
    page.events.into_iter().next().filter(|event| event.index == index).ok_or(ProofError::NoEntry(index))
}

/// The bytes of an event's log entry.
///
/// # Errors
/// [`ProofError::Damaged`]
pub fn entry(event: &StoredEvent) -> Result<Vec<u8>, ProofError> {
    let header =
        Header::parse_trusted(&event.header).map_err(|error| ProofError::Damaged(error.to_string()))?;
    Ok(entry_bytes(&event.header, &event.signature, header.kid))
}

/// Waits until a signed checkpoint covers an entry.
///
/// # Errors
/// [`ProofError::NotCovered`] after [`CHECKPOINT_WAIT`].
pub async fn covering(
    side: &dyn SideStore,
    tenant: &TenantId,
    index: u64,
) -> Result<StoredCheckpoint, ProofError> {
    let looking = async {
        loop {
            match side.checkpoint(tenant).await? {
                Some(checkpoint) if checkpoint.size > index => return Ok(checkpoint),
                _ => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    };
    tokio::time::timeout(CHECKPOINT_WAIT, looking).await.unwrap_or(Err(ProofError::NotCovered(index)))
}

/// Fetches the tiles that `nodes` lie in.
///
/// # Errors
/// The store's.
pub async fn tiles(
    store: &dyn EventStore,
    tenant: &TenantId,
    size: u64,
    nodes: Vec<Node>,
) -> Result<impl HashReader<Error: std::fmt::Display> + use<>, ProofError> {
    let mut set = TileSet::new(size);
    for tile in set.needed(nodes) {
        let missing = || ProofError::Damaged(format!("the store has no {tile}"));
        let bytes = store.tile(tenant, &tile).await?.ok_or_else(missing)?;
        set.insert(tile, bytes).map_err(|error| ProofError::Damaged(error.to_string()))?;
    }
    Ok(set)
}

/// The proof that the first `old` entries of a log are a prefix of its first `size`; empty where there is nothing to prove.
///
/// # Errors
/// [`ProofError`]
pub async fn consistency(
    store: &dyn EventStore,
    tenant: &TenantId,
    old: u64,
    size: u64,
) -> Result<Vec<Hash>, ProofError> {
    let reader = tiles(store, tenant, size, proof::consistency_nodes(old, size)).await?;
    proof::consistency(old, size, &reader).map_err(|error| ProofError::Damaged(error.to_string()))
}

/// One entry with its path to the latest checkpoint: the whole `.tlog-proof`.
///
/// # Errors
/// [`ProofError`]
pub async fn tlog_proof(
    store: &dyn EventStore,
    side: &dyn SideStore,
    tenant: &TenantId,
    index: u64,
) -> Result<TlogProof, ProofError> {
    // An entry that is not there is never covered.
    event(store, tenant, index).await?;
    let kept = covering(side, tenant, index).await?;
    proof_under(store, tenant, index, kept).await
}

/// One entry with its path to a checkpoint that covers it.
///
/// # Errors
/// [`ProofError`]
pub async fn proof_under(
    store: &dyn EventStore,
    tenant: &TenantId,
    index: u64,
    kept: StoredCheckpoint,
) -> Result<TlogProof, ProofError> {
    let event = event(store, tenant, index).await?;
    let (checkpoint, _) = Checkpoint::parse_note(kept.note.as_bytes())
        .map_err(|error| ProofError::Damaged(error.to_string()))?;
    let nodes = proof::inclusion_nodes(index, checkpoint.size);
    let reader = tiles(store, tenant, checkpoint.size, nodes).await?;
    let path = proof::inclusion(index, checkpoint.size, &reader)
        .map_err(|error| ProofError::Damaged(error.to_string()))?;
    Ok(TlogProof { entry: entry(&event)?, index, path, checkpoint: kept.note })
}
