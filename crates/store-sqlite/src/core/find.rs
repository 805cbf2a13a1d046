//! Looking an append up by the hash of its last event, after a commit whose outcome was unknown.

use ledger::event::EventHash;
use ledger_store::{Append, Verdict};
use rusqlite::params;

use super::commit::already;
use super::{Core, Head, find_head};
use crate::error::CoreError;
use crate::query::position_of;

impl Core {
    /// The verdict of an append that is stored. `None`: it is not.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn find(&self, append: &Append) -> Result<Option<Verdict>, CoreError> {
        let Some(log) = self.logs.get(append.tenant()) else { return Ok(None) };
        let mut query = self.conn.prepare_cached(
            "SELECT seq, position, hash, ancestors FROM heads WHERE log = ?1 AND stream = ?2",
        )?;
        let Some(head) = find_head(&mut query, log.id, append.stream())? else { return Ok(None) };
        // Later appends of the same commit may stand on it.
        let Some(position) = position_of(&self.conn, &head, append.last().seq)? else { return Ok(None) };
        let header: Vec<u8> = self
            .conn
            .prepare_cached("SELECT header FROM events WHERE position = ?1")?
            .query_row(params![position], |row| row.get(0))?;
        if EventHash::of(&header) != append.last().hash {
            return Ok(None);
        }
        let last = Head { position, ..head };
        already(&self.conn, append, &last).map(Some)
    }
}
