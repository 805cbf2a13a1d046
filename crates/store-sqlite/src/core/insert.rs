//! The statements of a commit, prepared once a connection.

use ledger_store::{CommandReceipt, CommandRecord};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{Head, Log};
use ledger::domain::Class;
use ledger::event::{EventHash, SealedEvent};
use ledger::ids::{CommandId, StreamId};

/// Where an event goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub position: u64,
    pub log: i64,
    pub index: u64,
    pub kind: i64,
    pub back: Option<u64>,
    pub jump: Option<u64>,
}

/// The statements that every event runs, taken from the cache once a commit.
pub(super) struct Statements<'c> {
    conn: &'c Connection,
    event: CachedStatement<'c>,
    disclosure: CachedStatement<'c>,
    find_head: CachedStatement<'c>,
    put_head: CachedStatement<'c>,
    find_command: CachedStatement<'c>,
    put_command: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    pub fn new(conn: &'c Connection) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            conn,
            event: conn.prepare_cached(
                "INSERT INTO events (position, log, idx, kind, back, jump, header, signature)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            disclosure: conn.prepare_cached(
                "INSERT INTO disclosures (disclosure, log, idx, subject, ciphertext)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            find_head: conn.prepare_cached(
                "SELECT seq, position, hash, ancestors FROM heads WHERE log = ?1 AND stream = ?2",
            )?,
            put_head: conn.prepare_cached(
                "INSERT INTO heads (log, stream, seq, position, hash, ancestors)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (log, stream) DO UPDATE SET seq = excluded.seq, position = excluded.position,
                     hash = excluded.hash, ancestors = excluded.ancestors",
            )?,
            find_command: conn.prepare_cached(
                "SELECT mac, first_idx, last_idx, position FROM commands WHERE log = ?1 AND id = ?2",
            )?,
            put_command: conn.prepare_cached(
                "INSERT INTO commands (log, id, mac, first_idx, last_idx, position)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
        })
    }

    pub fn event(&mut self, place: Place, event: &SealedEvent) -> Result<(), rusqlite::Error> {
        let Place { position, log, index, kind, back, jump } = place;
        let (header, signature) = (&*event.header, &event.signature[..]);
        self.event.execute(params![position, log, index, kind, back, jump, header, signature])?;
        for (number, disclosure) in (0_u64..).zip(&event.disclosures) {
            let subject = match &disclosure.class {
                Class::Personal(subject) => Some(subject.as_str()),
                Class::Confidential | Class::Public => None,
            };
            let key = disclosure_key(position, number);
            self.disclosure.execute(params![key, log, index, subject, disclosure.ciphertext])?;
        }
        Ok(())
    }

    pub fn find_head(&mut self, log: i64, stream: &StreamId) -> Result<Option<Head>, rusqlite::Error> {
        find_head(&mut self.find_head, log, stream)
    }

    pub fn put_head(&mut self, log: i64, stream: &StreamId, head: &Head) -> Result<(), rusqlite::Error> {
        let ancestors = head.encode_ancestors();
        self.put_head.execute(params![
            log,
            stream.as_str(),
            head.seq,
            head.position,
            &head.hash.0[..],
            ancestors
        ])?;
        Ok(())
    }

    pub fn find_command(
        &mut self,
        log: i64,
        id: &CommandId,
    ) -> Result<Option<CommandReceipt>, rusqlite::Error> {
        self.find_command
            .query_row(params![log, id.as_str()], |row| {
                Ok(CommandReceipt {
                    body_mac: row.get(0)?,
                    first_index: row.get(1)?,
                    last_index: row.get(2)?,
                    position: row.get(3)?,
                })
            })
            .optional()
    }

    pub fn put_command(
        &mut self,
        log: i64,
        command: &CommandRecord,
        receipt: CommandReceipt,
    ) -> Result<(), rusqlite::Error> {
        let CommandReceipt { body_mac, first_index, last_index, position } = receipt;
        let mac = &body_mac[..];
        self.put_command.execute(params![
            log,
            command.id.as_str(),
            mac,
            first_index,
            last_index,
            position
        ])?;
        Ok(())
    }

    pub fn put_run(&self, log: i64, index: u64, position: u64) -> Result<(), rusqlite::Error> {
        self.conn
            .prepare_cached("INSERT INTO runs (log, idx, position) VALUES (?1, ?2, ?3)")?
            .execute(params![log, index, position])?;
        Ok(())
    }

    pub fn put_tile(&self, key: i64, hashes: &[u8]) -> Result<(), rusqlite::Error> {
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO tiles (tile, hashes) VALUES (?1, ?2)")?
            .execute(params![key, hashes])?;
        Ok(())
    }

    /// A genesis in a log that has entries names the loss that it follows.
    pub fn name_succession(&self, log: i64) -> Result<(), rusqlite::Error> {
        self.conn.prepare_cached("UPDATE successions SET pending = 0 WHERE log = ?1")?.execute([log])?;
        Ok(())
    }

    pub fn put_log(&self, log: &Log) -> Result<(), rusqlite::Error> {
        let kid = log.active().map(|kid| kid.0);
        self.conn
            .prepare_cached(
                "UPDATE logs SET size = ?2, root = ?3, active_kid = ?4, last_position = ?5
                 WHERE log = ?1",
            )?
            .execute(params![log.id, log.size, &log.root[..], kid, log.last_position])?;
        Ok(())
    }
}

/// Reads a head with its ancestors.
pub(crate) fn find_head(
    query: &mut CachedStatement<'_>,
    log: i64,
    stream: &StreamId,
) -> Result<Option<Head>, rusqlite::Error> {
    query
        .query_row(params![log, stream.as_str()], |row| {
            let (seq, position) = (row.get(0)?, row.get(1)?);
            let ancestors = Head::decode_ancestors(seq, position, row.get_ref(3)?.as_blob()?)
                .ok_or(rusqlite::Error::IntegralValueOutOfRange(3, 0))?;
            Ok(Head { seq, hash: EventHash(row.get(2)?), position, ancestors, dirty: false })
        })
        .optional()
}

/// The key of a row of `disclosures`.
pub(crate) fn disclosure_key(position: u64, number: u64) -> u64 {
    position << 8 | number
}
