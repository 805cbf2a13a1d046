//! Committed events in memory, so that what is tested or measured is what follows them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use tokio::sync::watch;

use crate::append::{Append, CommandReceipt, StreamHead, Verdict};
use crate::contract::EventStore;
use crate::error::StoreError;
use crate::read::{LogHead, Page, Read, Source, StoredEvent};

/// Events in commit order, whatever their headers say. They can be followed, and nothing else.
#[derive(Debug)]
pub struct Recorded {
    kept: Mutex<Kept>,
    told: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    events: Vec<StoredEvent>,
    sizes: HashMap<TenantId, u64>,
    failures: u32,
}

impl Default for Recorded {
    fn default() -> Self {
        Self { kept: Mutex::default(), told: watch::Sender::new(0) }
    }
}

impl Recorded {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event to a tenant's log. Those who follow learn of it by [`Self::tell`].
    pub fn keep(&self, tenant: &TenantId, event_type: Arc<str>, header: Arc<[u8]>) {
        let mut kept = self.kept();
        let position = kept.events.len() as u64 + 1;
        let size = kept.sizes.entry(tenant.clone()).or_default();
        let index = *size;
        *size += 1;
        let (tenant, signature) = (tenant.clone(), [0; 64]);
        kept.events.push(StoredEvent { position, index, tenant, event_type, header, signature });
    }

    /// Tells those who follow how far the events go; gives the position of the last one.
    pub fn tell(&self) -> u64 {
        let position = self.len() as u64;
        self.told.send_replace(position);
        position
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.kept().events.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events.
    pub fn events(&self) -> Vec<StoredEvent> {
        self.kept().events.clone()
    }

    /// The next reads fail, so many.
    pub fn fail_reads(&self, reads: u32) {
        self.kept().failures = reads;
    }
}

#[async_trait]
impl EventStore for Recorded {
    async fn append(&self, _: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        let mut kept = self.kept();
        if kept.failures > 0 {
            kept.failures -= 1;
            return Err(StoreError::Unavailable { reason: "on demand".to_owned() });
        }
        let Source::All { from } = query.source else { return Err(StoreError::Closed) };
        let from = from.max(1);
        let start = usize::try_from(from - 1).unwrap_or(usize::MAX).min(kept.events.len());
        let end = kept.events.len().min(start.saturating_add(query.limit));
        let next = from + (end - start) as u64;
        Ok(Page { end: end == kept.events.len(), events: kept.events[start..end].to_vec(), next })
    }

    async fn log_head(&self, _: &TenantId) -> Result<Option<LogHead>, StoreError> {
        Ok(None)
    }

    async fn stream_head(&self, _: &TenantId, _: &StreamId) -> Result<Option<StreamHead>, StoreError> {
        Ok(None)
    }

    async fn tile(&self, _: &TenantId, _: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn command(&self, _: &TenantId, _: &CommandId) -> Result<Option<CommandReceipt>, StoreError> {
        Ok(None)
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }
}
