//! Reading: what to read, and what comes back.

use std::sync::Arc;

use ledger::ids::{StreamId, TenantId};
use ledger::keys::Kid;
use ledger::merkle::Hash;

/// The most events in a page: bounds the memory of one read.
pub const PAGE_EVENTS_MAX: usize = 10_000;
/// A page ends once its headers weigh this much: bounds the memory of one read.
pub const PAGE_BYTES_MAX: usize = 8 << 20;

/// A question for a page of events.
#[derive(Debug, Clone)]
pub struct Read {
    /// Where from.
    pub source: Source,
    /// Which way.
    pub direction: Direction,
    /// Which of them.
    pub filter: Filter,
    /// How many at most, up to [`PAGE_EVENTS_MAX`].
    pub limit: usize,
}

/// Where to read, from which place on (that place included, in both directions).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// One stream, counted in `seq`.
    Stream {
        /// The tenant.
        tenant: TenantId,
        /// The stream.
        stream: StreamId,
        /// The first revision to read.
        from: u64,
    },
    /// One tenant's log, counted in `index`.
    Log {
        /// The tenant.
        tenant: TenantId,
        /// The first index to read.
        from: u64,
    },
    /// All logs in commit order, counted in `position`.
    All {
        /// The first position to read.
        from: u64,
    },
}

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Towards newer events.
    #[default]
    Forward,
    /// Towards older events.
    Backward,
}

/// Which events to give. An empty list asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this tenant's (for [`Source::All`]).
    pub tenant: Option<TenantId>,
    /// Only these event types.
    pub types: Vec<String>,
    /// Only streams of these categories.
    pub categories: Vec<String>,
}

impl Filter {
    /// Does it ask nothing?
    pub fn is_empty(&self) -> bool {
        self.tenant.is_none() && self.types.is_empty() && self.categories.is_empty()
    }

    /// Does an event with these properties pass?
    pub fn passes(&self, tenant: &TenantId, event_type: &str, category: &str) -> bool {
        self.tenant.as_ref().is_none_or(|wanted| wanted == tenant)
            && (self.types.is_empty() || self.types.iter().any(|wanted| wanted == event_type))
            && (self.categories.is_empty() || self.categories.iter().any(|wanted| wanted == category))
    }
}

impl Read {
    fn from_source(source: Source) -> Self {
        Self { source, direction: Direction::Forward, filter: Filter::default(), limit: 1000 }
    }

    /// A stream, from a revision on.
    pub fn stream(tenant: &TenantId, stream: &StreamId, from: u64) -> Self {
        Self::from_source(Source::Stream { tenant: tenant.clone(), stream: stream.clone(), from })
    }

    /// A tenant's log, from an index on.
    pub fn log(tenant: &TenantId, from: u64) -> Self {
        Self::from_source(Source::Log { tenant: tenant.clone(), from })
    }

    /// All logs, from a position on.
    pub fn all(from: u64) -> Self {
        Self::from_source(Source::All { from })
    }

    /// Towards older events; `from` [`u64::MAX`] is the newest.
    #[must_use]
    pub fn backward(mut self) -> Self {
        self.direction = Direction::Backward;
        self
    }

    /// Only what passes the filter.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A page of events, in the direction of the read.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The events. May be fewer than the limit, even none, though more follow: see `end`.
    pub events: Vec<StoredEvent>,
    /// Where the next read goes on: a `seq`, `index` or `position` like the `from` that was asked.
    /// Meaningless once a backward read has reached its end.
    pub next: u64,
    /// Nothing more lay in this direction when the page was read.
    pub end: bool,
}

impl IntoIterator for Page {
    type Item = StoredEvent;
    type IntoIter = std::vec::IntoIter<StoredEvent>;
    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}

/// A committed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Commit order of the store, from 1.
    pub position: u64,
    /// Leaf number in the tenant's log, from 0.
    pub index: u64,
    /// Whose log it is in.
    pub tenant: TenantId,
    /// Its type, so that a fold can pass over what it does not know without parsing.
    pub event_type: Arc<str>,
    /// The signed bytes.
    pub header: Arc<[u8]>,
    /// Ed25519 over the DSSE PAE of the header, by the key that the header names.
    pub signature: [u8; 64],
}

/// Where a log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
    /// The key that entry `size` must be signed with. `None`: the log waits for its genesis, or its key was
    /// revoked.
    pub active_kid: Option<Kid>,
    /// Position of the last entry, 0 if there is none.
    pub last_position: u64,
}
