//! The contract in memory: for tests, simulations and as the oracle of other backends. Nothing is durable.

mod commit;
mod portable;
mod query;
mod side;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ledger::disclosure::SealedDisclosure;
use ledger::event::EventHash;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::keys::Kid;
use ledger::merkle::Hash;
use ledger::tile::TileId;
use tokio::sync::watch;

use crate::append::{Append, CommandReceipt, StreamHead, Verdict};
use crate::contract::EventStore;
use crate::custody::{Access, Birth, Custody};
use crate::error::StoreError;
use crate::read::{LogHead, Page, Read, StoredEvent};
use crate::side::{AnchorSet, BlobId, LogInfo, SecretKey, StoredCheckpoint};

/// An event store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    head: watch::Sender<u64>,
}

/// Everything that is stored.
#[derive(Debug, Default)]
struct State {
    /// By position - 1.
    events: Vec<Row>,
    logs: BTreeMap<TenantId, Log>,
    secrets: BTreeMap<SecretKey, Vec<u8>>,
    blobs: HashMap<(TenantId, BlobId), Vec<u8>>,
    anchors: HashMap<Hash, AnchorSet>,
    identity: [u8; 16],
    custody: Custody,
}

impl State {
    /// Only a ledger that lives here, or is being copied to here, is written.
    fn writable(&self) -> Result<(), StoreError> {
        match self.custody.refusal(Access::Carry) {
            Some(reason) => Err(StoreError::NotLive { reason }),
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
struct Row {
    event: StoredEvent,
    stream: StreamId,
    hash: EventHash,
}

/// One tenant's log.
#[derive(Debug)]
struct Log {
    info: LogInfo,
    /// In the order of creation.
    number: usize,
    active: Option<Kid>,
    /// Every leaf hash, by index.
    leaves: Vec<Hash>,
    /// Position by index.
    positions: Vec<u64>,
    /// Positions by seq.
    streams: HashMap<StreamId, Vec<u64>>,
    commands: HashMap<CommandId, CommandReceipt>,
    disclosures: BTreeMap<u64, Vec<SealedDisclosure>>,
    checkpoint: Option<StoredCheckpoint>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { state: Mutex::default(), head: watch::Sender::new(0) }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that is made for a ledger that comes from elsewhere.
    pub fn born(birth: Birth) -> Self {
        let store = Self::default();
        let mut state = store.state();
        (state.identity, state.custody) = (birth.identity, birth.custody);
        drop(state);
        store
    }

    /// A panic in another thread poisons nothing here: every change of the state is checked before it is begun.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        let mut state = self.state();
        state.writable()?;
        let verdicts = appends.into_iter().map(|append| state.commit(&append)).collect();
        // Announced under the lock, so that positions are announced in order.
        self.head.send_replace(state.events.len() as u64);
        Ok(verdicts)
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        Ok(self.state().read(&query))
    }

    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError> {
        Ok(self.state().logs.get(tenant).map(Log::head))
    }

    async fn stream_head(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<Option<StreamHead>, StoreError> {
        Ok(self.state().stream_head(tenant, stream))
    }

    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().logs.get(tenant).and_then(|log| log.tile(*tile)))
    }

    async fn command(
        &self,
        tenant: &TenantId,
        command: &CommandId,
    ) -> Result<Option<CommandReceipt>, StoreError> {
        Ok(self.state().logs.get(tenant).and_then(|log| log.commands.get(command).copied()))
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }
}
