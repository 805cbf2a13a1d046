//! Loading the write side: at open, and again after every error.

use std::sync::PoisonError;

use rusqlite::Connection;

use super::kinds::KindIds;
use super::{Core, HeadCache, Names, SharedNames, logs};
use crate::error::CoreError;
use ledger_store::Access;
use ledger_store::headfile::HeadFile;

impl Core {
    /// Loads what the committer holds in memory, and makes the readers' names what is stored.
    ///
    /// # Errors
    /// If the database cannot be read or contradicts itself.
    pub fn load(
        conn: Connection,
        head_file: HeadFile,
        names: SharedNames,
        access: Access,
    ) -> Result<Self, CoreError> {
        let stored = Names::load(&conn)?;
        let kinds = KindIds::of(&stored);
        *names.write().unwrap_or_else(PoisonError::into_inner) = stored;
        let custody = crate::portable::custody(&conn)?;
        let logs = logs::load(&conn)?;
        let last: Option<u64> = conn.query_row("SELECT max(position) FROM events", [], |row| row.get(0))?;
        let last = last.unwrap_or(0);
        // Positions have no gaps and every event is in one log: the cheapest check that finds a lost tail.
        let entries: u64 = logs.values().map(|log| log.size).sum();
        if entries != last {
            return Err(CoreError::Corrupt(format!("the logs have {entries} entries, the store {last}")));
        }
        if logs.values().map(|log| log.last_position).max().unwrap_or(0) != last {
            return Err(CoreError::Corrupt(format!("no log ends at the store's last position {last}")));
        }
        Ok(Self {
            conn,
            logs,
            head_file,
            custody,
            access,
            names,
            kinds,
            heads: HeadCache::default(),
            next_position: last + 1,
            commits: 0,
            written: 0,
        })
    }
}
