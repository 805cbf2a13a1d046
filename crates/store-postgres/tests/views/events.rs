//! Events in memory, so that what is tested is the read models.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use ledger_projections::testing::History;
use ledger_store::{
    Append, CommandReceipt, EventStore, LogHead, Page, Read, Source, StoreError, StoredEvent, StreamHead,
    Verdict,
};
use tokio::sync::watch;

/// Events in commit order.
pub struct Events {
    events: Mutex<Vec<StoredEvent>>,
    head: watch::Sender<u64>,
}

impl Events {
    /// The events of a history.
    pub fn of(history: &History) -> Arc<Self> {
        let events = Self { events: Mutex::default(), head: watch::Sender::new(0) };
        events.show(history, history.events.len());
        Arc::new(events)
    }

    /// Shows so many events of a history; gives the position of the last one.
    pub fn show(&self, history: &History, count: usize) -> u64 {
        let mut events = self.events.lock().unwrap();
        for event in &history.events[events.len()..count] {
            let position = events.len() as u64 + 1;
            events.push(StoredEvent {
                position,
                index: event.index,
                tenant: event.tenant.clone(),
                event_type: Arc::clone(&event.event_type),
                header: Arc::clone(&event.header),
                signature: [0; 64],
            });
        }
        let position = events.len() as u64;
        drop(events);
        self.head.send_replace(position);
        position
    }
}

#[async_trait]
impl EventStore for Events {
    async fn append(&self, _: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        let Source::All { from } = query.source else { return Err(StoreError::Closed) };
        let events = self.events.lock().unwrap();
        let start = usize::try_from(from - 1).unwrap().min(events.len());
        let found = events[start..events.len().min(start + query.limit)].to_vec();
        let next = from + found.len() as u64;
        Ok(Page { end: next > events.len() as u64, events: found, next })
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
        self.head.subscribe()
    }
}
