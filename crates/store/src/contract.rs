//! The contract of an event store.

use async_trait::async_trait;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use tokio::sync::watch;

use crate::append::{Append, CommandReceipt, StreamHead, Verdict};
use crate::error::StoreError;
use crate::read::{LogHead, Page, Read};

/// An append-only store of sealed events: many tenants' logs in one commit order.
///
/// ```text
///                    position (store, from 1)   1   2   3   4   5   6   7      <- subscribers, internal
///   log of tenant a, index (from 0)             0   1       2       3   4      <- receipts, proofs
///   log of tenant b, index (from 0)                     0       1
///   stream a/evidence-x, seq (from 0)               0       1           2      <- expected revisions
/// ```
///
/// - **Atomicity.** An [`Append`] is stored whole or not at all, with its command record, its disclosures, the
///   key epoch, the tree and the tiles. Different appends of one call succeed or fail on their own, in order,
///   each seeing what those before it stored.
/// - **Durability.** A verdict of `append` is given after the commit is on stable storage and the head file
///   names the new tree. Crash or power loss afterwards loses nothing that was acknowledged.
/// - **Ordering.** Positions have no gaps and grow in commit order; a reader that has seen position *n* will
///   never see one below *n* appear. Indexes have no gaps in each log and grow with position. `seq` has no
///   gaps in each stream. Callers that append concurrently are committed together (group commit), in an order
///   that keeps each caller's order within a log.
/// - **Chain.** An append is stored only on the head that its first event names in `prev`; an append sealed
///   with a key that is no longer the log's active one is refused, to be sealed again.
/// - **Idempotency.** A command id is stored once a tenant; appending the events that already are a stream's
///   head, byte for byte, is answered as the first time.
/// - **Who retries.** The store resolves a failed commit itself where it can (reopen, read the head, compare
///   hashes). [`StoreError::retryable`] says whether the caller may send the same append again; it is always
///   safe to. Verdicts other than `Committed` are never retried as they are.
/// - **What it does not do.** No update, no deletion, no rewriting of an event; no decryption; no check of
///   signatures (the sealer and the verifier do that).
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Stores events, durably. One verdict for each append, in order.
    ///
    /// # Errors
    /// [`StoreError`] concerns all appends of the call; `OutcomeUnknown` alone may have stored some of them.
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError>;

    /// Reads committed events: of one stream, of one log, or of all, forward or backward.
    ///
    /// # Errors
    /// [`StoreError`] if the storage fails or holds what contradicts itself.
    async fn read(&self, query: Read) -> Result<Page, StoreError>;

    /// A log's size, root and active key. `None`: no such log. A log that waits for its genesis has size 0.
    ///
    /// # Errors
    /// [`StoreError`] if the storage fails.
    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError>;

    /// The last event of a stream. `None`: no such stream.
    ///
    /// # Errors
    /// [`StoreError`] if the storage fails.
    async fn stream_head(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<Option<StreamHead>, StoreError>;

    /// The first `width` hashes of a hash tile (formats.md §5). `None`: the log is too small for it.
    ///
    /// # Errors
    /// [`StoreError`] if the storage fails.
    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError>;

    /// What a command id has led to. Asking first is an economy; the commit checks it again.
    ///
    /// # Errors
    /// [`StoreError`] if the storage fails.
    async fn command(
        &self,
        tenant: &TenantId,
        command: &CommandId,
    ) -> Result<Option<CommandReceipt>, StoreError>;

    /// The highest committed position, 0 in an empty store; changes after each commit.
    fn subscribe(&self) -> watch::Receiver<u64>;
}
