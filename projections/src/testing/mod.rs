//! Histories to fold: committed events made without store or keys, for tests and benchmarks.
//!
//! Headers are as real ones in form; `kid` and `prev` are placeholders, because folds look at neither.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::canonical::to_canonical;
use ledger::domain::DomainEvent;
use ledger::ids::{EventId, StreamId, TenantId};
use ledger::readmodel::{
    Folder, MemoryRows, Parser, Poisoned, ProjectionDigest, RawEvent, ReadModels, TypedRow, WorkingSet,
    degrade,
};
use ledger::time::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::LedgerModels;

pub mod workload;

/// A committed event.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Whose log.
    pub tenant: TenantId,
    /// Leaf number in that log.
    pub index: u64,
    /// Its type.
    pub event_type: Arc<str>,
    /// Its header.
    pub header: Arc<[u8]>,
}

/// Events in commit order.
#[derive(Debug, Clone)]
pub struct History {
    /// The events.
    pub events: Vec<Committed>,
    /// When the next event is decided.
    pub now: Timestamp,
    /// Who causes the next event.
    pub actor: String,
    sizes: HashMap<TenantId, u64>,
    revisions: HashMap<(TenantId, StreamId), u64>,
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}

impl History {
    /// No events; it is 2026-03-01.
    pub fn new() -> Self {
        Self {
            events: Vec::new(),
            now: at("2026-03-01"),
            actor: "0123456789abcdef".to_owned(),
            sizes: HashMap::new(),
            revisions: HashMap::new(),
        }
    }

    /// Commits an event. Gives its index.
    pub fn push(&mut self, tenant: &TenantId, stream: &StreamId, event: &impl DomainEvent) -> u64 {
        self.push_raw(tenant, stream, event.event_type(), event.encode().public)
    }

    /// Commits an event of any type and data.
    pub fn push_raw(
        &mut self,
        tenant: &TenantId,
        stream: &StreamId,
        event_type: &str,
        data: Map<String, Value>,
    ) -> u64 {
        let size = self.sizes.entry(tenant.clone()).or_default();
        let index = *size;
        *size += 1;
        let revision = self.revisions.entry((tenant.clone(), stream.clone())).or_default();
        let seq = *revision;
        *revision += 1;
        let id = event_id(self.events.len());
        let mut header = json!({
            "actor": { "id": self.actor, "kind": "api-key" },
            "cmd": Uuid::from_u128(id.0.as_u128() ^ 1).to_string(),
            "data": data,
            "id": id.to_string(),
            "kid": "00112233445566778899aabbccddeeff",
            "seq": seq,
            "stream": stream.as_str(),
            "tenant": tenant.as_str(),
            "time": self.now.to_string(),
            "type": event_type,
            "v": 1,
        });
        if seq > 0 {
            header["prev"] = json!("A".repeat(43));
        }
        let header = to_canonical(&header).expect("the header is within the rules");
        let event_type = event_type.into();
        let header = header.as_bytes().into();
        self.events.push(Committed { tenant: tenant.clone(), index, event_type, header });
        index
    }

    /// The number of events of a tenant.
    pub fn size(&self, tenant: &TenantId) -> u64 {
        self.sizes.get(tenant).copied().unwrap_or_default()
    }

    /// Folds everything in memory.
    pub fn fold(&self) -> Folded {
        self.fold_first(self.events.len())
    }

    /// Folds the first events in memory.
    pub fn fold_first(&self, count: usize) -> Folded {
        let models = Arc::new(LedgerModels);
        let mut parser = Parser::new(Arc::clone(&models), HashMap::new());
        let mut folder = Folder::new(Arc::clone(&models), Vec::new());
        let mut working =
            WorkingSet::new(Arc::clone(models.schema()), MemoryRows::new(Arc::clone(models.schema())));
        for event in &self.events[..count] {
            let raw = RawEvent { tenant: &event.tenant, index: event.index, header: &event.header };
            let parsed = parser.parse(raw).expect("the history has readable headers");
            folder.fold(&parsed, &mut working).expect("memory does not fail");
        }
        working.settle();
        Folded { rows: working.source().clone(), poisoned: folder.poisoned() }
    }
}

/// A history of the tenant `t` from (stream, type without vendor and version, data), one event a minute from
/// 2026-03-01T00:01 on, folded.
pub fn given(events: &[(&str, &str, Value)]) -> Folded {
    let mut history = History::new();
    for (on, event_type, data) in events {
        history.now = history.now.plus(std::time::Duration::from_secs(60));
        let data = data.as_object().cloned().unwrap_or_default();
        history.push_raw(&tenant("t"), &stream(on), &format!("ledger.{event_type}.v1"), data);
    }
    history.fold()
}

/// The minute of 2026-03-01 at which [`given`] puts the event with this index.
pub fn minute(index: usize) -> Timestamp {
    at("2026-03-01").plus(std::time::Duration::from_secs(60 * (u64::try_from(index).unwrap_or(0) + 1)))
}

/// What a history has become.
#[derive(Debug)]
pub struct Folded {
    /// The rows.
    pub rows: MemoryRows,
    /// What could not be folded.
    pub poisoned: Vec<Poisoned>,
}

impl Folded {
    /// The rows of one table, in key order.
    pub fn all<T: TypedRow>(&self, tenant: &TenantId) -> Vec<T> {
        let rows = self.rows.rows(T::TABLE, tenant);
        rows.map(|row| T::from_row(row).expect("a row of the table is of its type")).collect()
    }

    /// The only row of one table.
    ///
    /// # Panics
    /// If there is none or more than one.
    pub fn only<T: TypedRow>(&self, tenant: &TenantId) -> T {
        let mut all = self.all(tenant);
        assert_eq!(all.len(), 1, "rows of {}", T::TABLE.name);
        all.remove(0)
    }

    /// The digests of a tenant.
    pub fn digests(&self, tenant: &TenantId) -> Vec<ProjectionDigest> {
        let mut digests = self.rows.digests(tenant);
        degrade(&mut digests, tenant, &self.poisoned);
        digests
    }
}

/// The id that the event at this place of a history gets.
pub fn event_id(place: usize) -> EventId {
    let n = u128::try_from(place).unwrap_or(0);
    EventId(Uuid::from_u128(0x0195_0000_0000_7000_8000_0000_0000_0000 | (n << 80) | n))
}

/// A point in time.
///
/// # Panics
/// If the text is none.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// A tenant.
///
/// # Panics
/// If the text is no tenant id.
pub fn tenant(id: &str) -> TenantId {
    TenantId::new(id).expect("a tenant id")
}

/// A stream.
///
/// # Panics
/// If the text is no stream id.
pub fn stream(id: &str) -> StreamId {
    StreamId::new(id).expect("a stream id")
}
