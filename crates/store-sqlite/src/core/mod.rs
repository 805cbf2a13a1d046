//! The write side on one connection: what the committer's thread owns.
//!
//! Everything that a commit depends on is in memory beside the database and changes before the transaction ends;
//! after any error the whole core is dropped and loaded again, so memory can never be ahead of the database.

mod commit;
mod find;
mod heads;
mod insert;
mod kinds;
mod load;
mod logs;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use ledger::ids::TenantId;
use rusqlite::Connection;

use crate::error::CoreError;
use heads::HeadCache;
use kinds::KindIds;
use ledger_store::headfile::HeadFile;
use ledger_store::{Access, Custody};

pub(crate) use commit::CommitFailure;
pub(crate) use heads::Head;
pub(crate) use insert::{disclosure_key, find_head};
pub(crate) use kinds::{Kind, Names};
use logs::Epoch;
pub(crate) use logs::{LOG_COLUMNS, Log, leaves, stored_tile};

/// Names shared with the readers; written by the committer alone.
pub(crate) type SharedNames = Arc<RwLock<Names>>;

/// The write side.
pub(crate) struct Core {
    pub(crate) conn: Connection,
    pub(crate) logs: HashMap<TenantId, Log>,
    pub(crate) head_file: HeadFile,
    /// What the store is to its ledger.
    pub(crate) custody: Custody,
    /// What it was opened for.
    pub(crate) access: Access,
    pub(crate) names: SharedNames,
    kinds: KindIds,
    heads: HeadCache,
    next_position: u64,
    commits: u64,
    /// About so many bytes went into the WAL since [`Core::take_written`].
    written: usize,
}

impl Core {
    /// About so many bytes went into the WAL since the last call.
    pub fn take_written(&mut self) -> usize {
        std::mem::take(&mut self.written)
    }

    /// Only where a ledger lives, or arrives, is it written.
    pub fn writable(&self) -> Result<(), CoreError> {
        self.custody.refusal(self.access).map_or(Ok(()), |reason| Err(CoreError::NotLive(reason)))
    }

    /// The highest committed position.
    pub fn position(&self) -> u64 {
        self.next_position - 1
    }
}

impl Core {
    /// Takes in a log that was just created.
    pub fn add_log(&mut self, tenant: TenantId, log: Log) {
        let mut names = self.names.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        names.tenants.insert(log.id, tenant.clone());
        drop(names);
        self.logs.insert(tenant, log);
    }
}
