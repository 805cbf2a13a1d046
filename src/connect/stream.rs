//! A stream with what is confidential in it: the edge reads back what it once wrote to carry work out.

use ledger::domain::{Aggregate, DomainEvent};
use ledger::event::Header;
use ledger::ids::{StreamId, TenantId};
use ledger_store::{Read, StoredEvent};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::ApiError;
use crate::history::disclose;

/// One event, opened.
#[derive(Debug, Clone)]
pub struct Told<E> {
    /// Its public part.
    pub event: E,
    /// Its confidential and personal members that are still there.
    pub members: Map<String, Value>,
}

impl<E> Told<E> {
    /// A member as what it is; `None`: it is gone, or was never given.
    pub fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.members.get(name)?.clone()).ok()
    }
}

impl App {
    /// All events of a stream, oldest first, opened.
    ///
    /// # Errors
    /// The store, or a stored event that cannot be read.
    pub async fn told<A: Aggregate>(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<Vec<Told<A::Event>>, ApiError> {
        let events = self.stored(tenant, stream).await?;
        let opened = disclose::open(&*self.side, &self.keyring, tenant, &events).await;
        let mut opened = opened.map_err(ApiError::internal)?;
        let mut told = Vec::with_capacity(events.len());
        for stored in &events {
            let event = decode::<A>(stored)?;
            let members = opened.remove(&stored.index).unwrap_or_default();
            let members = members.into_iter().map(|member| (member.name, member.value)).collect();
            told.push(Told { event, members });
        }
        Ok(told)
    }

    /// The state of an aggregate as the log has it.
    ///
    /// # Errors
    /// The store, or a stored event that cannot be read.
    pub async fn state<A: Aggregate>(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<A::State, ApiError> {
        let mut state = A::State::default();
        for stored in self.stored(tenant, stream).await? {
            state = A::evolve(state, &decode::<A>(&stored)?);
        }
        Ok(state)
    }

    async fn stored(&self, tenant: &TenantId, stream: &StreamId) -> Result<Vec<StoredEvent>, ApiError> {
        let (mut events, mut from) = (Vec::new(), 0);
        loop {
            let page = self.store.read(Read::stream(tenant, stream, from)).await?;
            (from, events) = (page.next, [events, page.events].concat());
            if page.end {
                return Ok(events);
            }
        }
    }
}

/// State of an aggregate after events that were told.
pub fn state_of<A: Aggregate>(told: &[Told<A::Event>]) -> A::State {
    told.iter().fold(A::State::default(), |state, told| A::evolve(state, &told.event))
}

fn decode<A: Aggregate>(stored: &StoredEvent) -> Result<A::Event, ApiError> {
    let header = Header::parse_trusted(&stored.header).map_err(ApiError::internal)?;
    let data = serde_json::from_slice(header.data).map_err(ApiError::internal)?;
    let event = A::Event::decode(&header.event_type, &data).map_err(ApiError::internal)?;
    let unknown = || ApiError::internal(format!("{} is no event of {}", header.event_type, A::CATEGORY));
    event.ok_or_else(unknown)
}
