//! What of each tenant's log was folded, and the way events come to folds.

use std::collections::HashMap;
use std::sync::Arc;

use super::folder::ReadModels;
use crate::ids::TenantId;
use crate::time::Timestamp;

/// One committed event, as a store or an export bundle holds it.
#[derive(Debug, Clone, Copy)]
pub struct RawEvent<'a> {
    /// Whose log.
    pub tenant: &'a TenantId,
    /// Its index in that log.
    pub index: u64,
    /// Its header, as it was signed.
    pub header: &'a [u8],
}

/// How far a tenant's log was folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// Events folded: the index of the next one.
    pub size: u64,
    /// The running maximum of their times: what "as of" compares with.
    pub as_of: Timestamp,
}

impl Default for LogState {
    fn default() -> Self {
        Self { size: 0, as_of: Timestamp::from_micros(0) }
    }
}

/// Events that cannot be folded at all, because they are not the log's next ones or not events.
/// Nothing may go on after it: the store, not an event's data, is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// An index was left out or came twice.
    #[error("log of tenant {tenant}: expected index {expected}, got {found}")]
    Gap {
        /// Whose log.
        tenant: TenantId,
        /// The next index.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A header that cannot be read.
    #[error("log of tenant {tenant}, index {index}: the header cannot be read: {reason}")]
    Header {
        /// Whose log.
        tenant: TenantId,
        /// Which event.
        index: u64,
        /// Why not.
        reason: String,
    },
}

/// A parsed event, ready for every projection.
#[derive(Debug)]
pub struct Parsed<E> {
    /// Whose log.
    pub tenant: TenantId,
    /// The log's state with this event in it.
    pub log: LogState,
    /// The event.
    pub event: E,
}

/// Parses each tenant's events in order. Separate from the [`super::Folder`], so that it can run on a thread ahead of it.
pub struct Parser<M: ReadModels> {
    models: Arc<M>,
    logs: HashMap<TenantId, LogState>,
}

impl<M: ReadModels> Parser<M> {
    /// Goes on from what was folded.
    pub fn new(models: Arc<M>, logs: HashMap<TenantId, LogState>) -> Self {
        Self { models, logs }
    }

    /// Parses the next event of its log.
    ///
    /// # Errors
    /// It is not the next one, or its header cannot be read.
    pub fn parse(&mut self, raw: RawEvent<'_>) -> Result<Parsed<M::Event>, FeedError> {
        let before = self.logs.get(raw.tenant).copied().unwrap_or_default();
        if raw.index != before.size {
            let (tenant, expected, found) = (raw.tenant.clone(), before.size, raw.index);
            return Err(FeedError::Gap { tenant, expected, found });
        }
        let event = self.models.parse(raw, before.as_of).map_err(|reason| FeedError::Header {
            tenant: raw.tenant.clone(),
            index: raw.index,
            reason,
        })?;
        let log = LogState { size: raw.index + 1, as_of: M::as_of(&event) };
        self.logs.insert(raw.tenant.clone(), log);
        Ok(Parsed { tenant: raw.tenant.clone(), log, event })
    }
}
