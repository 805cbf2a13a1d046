//! The store: what callers hold.

use std::sync::Arc;

use async_trait::async_trait;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use ledger_store::{
    Append, CommandReceipt, EventStore, LogHead, Page, Read, StoreError, StreamHead, Verdict,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::chunk::weight;
use crate::committer::{Committer, Manner};
use crate::error::OpenError;
use crate::open::open;
use crate::options::{APPEND_BYTES_MAX, EsdbOptions, QUEUE_BYTES_MAX, QUEUE_REQUESTS_MAX};
use crate::parts::Parts;
use crate::request::AppendRequest;

/// The event store on EventStoreDB or KurrentDB. Any number of processes may have one on the same server, each with an
/// index of its own; they need one side store.
pub struct EventStoreDbStore {
    requests: mpsc::Sender<AppendRequest>,
    /// Bytes that may wait, in units of 1 KiB.
    room: Arc<Semaphore>,
    pub(crate) parts: Arc<Parts>,
}

const ROOM_UNITS: u32 = (QUEUE_BYTES_MAX >> 10) as u32;

impl EventStoreDbStore {
    /// Opens the index, holds it against the server and the side store, brings it up to date, and starts the task of
    /// the store.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do.
    pub async fn open(options: EsdbOptions) -> Result<Self, OpenError> {
        let manner = Manner {
            poll: options.poll,
            patience: options.patience,
            entropy: options.entropy.clone(),
            #[cfg(test)]
            failed_means_no: options.failed_means_no,
        };
        let (parts, deriver) = open(options).await?;
        let (requests, receiver) = mpsc::channel(QUEUE_REQUESTS_MAX);
        // Ends when the store is dropped and what waits is done.
        tokio::spawn(Committer::new(parts.clone(), deriver, manner).run(receiver));
        Ok(Self { requests, room: Arc::new(Semaphore::new(ROOM_UNITS as usize)), parts })
    }
}

/// What appends weigh in the queue.
fn units(appends: &[Append]) -> u32 {
    let bytes = |append: &Append| append.events().iter().map(|event| event.header.len() + 512).sum::<usize>();
    let kib = appends.iter().map(bytes).sum::<usize>() >> 10;
    // One call that is larger than the whole queue waits until it has it for itself.
    u32::try_from(kib + 1).unwrap_or(ROOM_UNITS).min(ROOM_UNITS)
}

#[async_trait]
impl EventStore for EventStoreDbStore {
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        if let Some(bytes) = appends.iter().map(weight).find(|bytes| *bytes > APPEND_BYTES_MAX) {
            let most = format!("EventStoreDB takes {APPEND_BYTES_MAX} at once");
            return Err(StoreError::invalid(format!("an append of {bytes} bytes, {most}")));
        }
        let room = self.room.clone().acquire_many_owned(units(&appends)).await;
        let _room = room.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let request = AppendRequest { appends, reply, _room };
        self.requests.send(request).await.map_err(|_| StoreError::Closed)?;
        let unknown = || StoreError::OutcomeUnknown { reason: "the committer has stopped".to_owned() };
        answer.await.map_err(|_| unknown())?
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        self.parts.index.read(query).await
    }

    /// A log that another process has made is known as soon as the side store is asked.
    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError> {
        if let Some(head) = self.parts.index.log_head(tenant).await? {
            return Ok(Some(head));
        }
        self.parts.refresh_logs().await.map_err(|failure| failure.nothing_happened())?;
        self.parts.index.log_head(tenant).await
    }

    async fn stream_head(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<Option<StreamHead>, StoreError> {
        self.parts.index.stream_head(tenant, stream).await
    }

    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        self.parts.index.tile(tenant, tile).await
    }

    async fn command(
        &self,
        tenant: &TenantId,
        command: &CommandId,
    ) -> Result<Option<CommandReceipt>, StoreError> {
        self.parts.index.command(tenant, command).await
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.parts.index.subscribe()
    }
}
