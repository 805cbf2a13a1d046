//! The reference of an append: the rows that the ledger wrote, written once more into an empty database of the same
//! schema, in as many commits with as many syncs, and nothing signed, hashed, chained or put into a tree.
//!
//! What is left is what SQLite and the disk cost. Tiles are left out: they are the tree.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ledger::clock::Stopwatch;
use ledger::event::Header;
use rusqlite::{CachedStatement, Connection, OpenFlags, params};

const SCHEMA: &str = include_str!("../../migrations/sqlite/events/0001_event_store.sql");
/// The settings of the event store's writer, see `ledger-store-sqlite`.
const SETTINGS: &str = "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -24576;";
/// Bytes after which the WAL is copied into the database, on a thread of its own, as the event store does.
const CHECKPOINT_BYTES: usize = 12 << 20;

/// One event's row with those that belong to it.
struct EventRow {
    log: i64,
    index: i64,
    kind: i64,
    back: Option<i64>,
    jump: Option<i64>,
    header: Vec<u8>,
    signature: Vec<u8>,
    stream: String,
    /// Revision in the stream.
    seq: i64,
    /// `ciphertext` of each disclosure.
    disclosures: Vec<Vec<u8>>,
    /// Id and HMAC of the command.
    command: Option<(String, Vec<u8>)>,
}

/// The rows of the last events of a store, in memory.
pub struct Rows {
    events: Vec<EventRow>,
    /// The size of a head's list of ancestors, by stream.
    ancestors: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl Rows {
    /// Reads the last `count` events of the store in `dir`.
    ///
    /// # Errors
    /// SQLite's, or a header that cannot be read.
    pub fn last(dir: &Path, count: u64) -> Result<Self> {
        let store = Connection::open_with_flags(dir.join("events.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut disclosures = store.prepare(
            "SELECT ciphertext FROM disclosures WHERE disclosure BETWEEN ?1 << 8 AND (?1 << 8) + 255",
        )?;
        let mut command = store.prepare("SELECT id, mac FROM commands WHERE log = ?1 AND id = ?2")?;
        let mut select = store.prepare(
            "SELECT position, log, idx, kind, back, jump, header, signature FROM events
             WHERE position > (SELECT max(position) FROM events) - ?1 ORDER BY position",
        )?;
        let mut rows = select.query([i64::try_from(count)?])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let (position, log): (i64, i64) = (row.get(0)?, row.get(1)?);
            let header: Vec<u8> = row.get(6)?;
            let read =
                Header::parse_trusted(&header).map_err(|error| anyhow!("event {position}: {error}"))?;
            let (stream, seq) = (read.stream.to_string(), i64::try_from(read.seq)?);
            let command = match &read.cmd {
                None => None,
                Some(id) => {
                    Some(command.query_row(params![log, id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?)
                }
            };
            events.push(EventRow {
                log,
                index: row.get(2)?,
                kind: row.get(3)?,
                back: row.get(4)?,
                jump: row.get(5)?,
                signature: row.get(7)?,
                stream,
                seq,
                disclosures: disclosures
                    .query_map([position], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?,
                command,
                header,
            });
        }
        let mut heads = store.prepare("SELECT stream, ancestors FROM heads")?;
        let ancestors = heads
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<BTreeMap<String, Vec<u8>>>>()?;
        let bytes = events.iter().map(|event| event.header.len()).sum();
        Ok(Self { events, ancestors, bytes })
    }

    /// The mean size of a header.
    pub const fn header_bytes(&self) -> usize {
        if self.events.is_empty() { 0 } else { self.bytes / self.events.len() }
    }

    /// Writes them into an empty database in `dir`, `batch` events a commit; how long that took.
    ///
    /// # Errors
    /// SQLite's.
    pub fn write(&self, dir: &Path, batch: usize) -> Result<Duration> {
        let path = dir.join("same.db");
        let connection = open(&path)?;
        connection.execute_batch(SCHEMA)?;
        if let Some(first) = self.events.first() {
            connection.execute(
                "INSERT INTO logs (log, tenant, origin, root) VALUES (?1, 'bench', 'bench', x'')",
                [first.log],
            )?;
        }
        let beside = open(&path)?;
        let (wake, woken) = sync_channel(1);
        std::thread::spawn(move || checkpoints(&beside, &woken));
        let watch = Stopwatch::start();
        let mut written = 0;
        for part in self.events.chunks(batch.max(1)) {
            self.commit(&connection, part)?;
            written += part.iter().map(|event| event.header.len()).sum::<usize>();
            if written > CHECKPOINT_BYTES {
                written = 0;
                // Full: it is about to look anyway.
                let _ = wake.try_send(());
            }
        }
        Ok(watch.elapsed())
    }

    fn commit(&self, connection: &Connection, part: &[EventRow]) -> Result<()> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut statements = Statements::new(connection)?;
        // Heads are written once a commit, in the order of their table.
        let mut heads: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
        for event in part {
            let position = statements.event(event)?;
            heads.insert(&event.stream, (event.log, event.seq, position));
        }
        for (stream, (log, seq, position)) in heads {
            let ancestors = self.ancestors.get(stream).map_or(&[][..], Vec::as_slice);
            statements.head.execute(params![log, stream, seq, position, &[7_u8; 32][..], ancestors])?;
        }
        if let Some(last) = part.last() {
            statements.log.execute(params![last.log, last.index + 1, &[7_u8; 32][..]])?;
        }
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

/// The statements of the event store's own commit.
struct Statements<'c> {
    connection: &'c Connection,
    event: CachedStatement<'c>,
    disclosure: CachedStatement<'c>,
    find_command: CachedStatement<'c>,
    command: CachedStatement<'c>,
    head: CachedStatement<'c>,
    log: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn new(connection: &'c Connection) -> Result<Self> {
        let prepare = |sql: &str| connection.prepare_cached(sql);
        Ok(Self {
            connection,
            event: prepare(
                "INSERT INTO events (log, idx, kind, back, jump, header, signature)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            disclosure: prepare(
                "INSERT INTO disclosures (disclosure, log, idx, subject, ciphertext) VALUES (?1, ?2, ?3, NULL, ?4)",
            )?,
            find_command: prepare("SELECT position FROM commands WHERE log = ?1 AND id = ?2")?,
            command: prepare(
                "INSERT INTO commands (log, id, mac, first_idx, last_idx, position) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            )?,
            head: prepare(
                "INSERT INTO heads (log, stream, seq, position, hash, ancestors) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (log, stream) DO UPDATE SET seq = excluded.seq, position = excluded.position,
                     hash = excluded.hash, ancestors = excluded.ancestors",
            )?,
            log: prepare("UPDATE logs SET size = ?2, root = ?3 WHERE log = ?1")?,
        })
    }

    fn event(&mut self, row: &EventRow) -> Result<i64> {
        if let Some((id, _)) = &row.command {
            self.find_command.exists(params![row.log, id])?;
        }
        let EventRow { log, index, kind, back, jump, header, signature, .. } = row;
        self.event.execute(params![log, index, kind, back, jump, header, signature])?;
        let position = self.connection.last_insert_rowid();
        for (number, ciphertext) in (0_i64..).zip(&row.disclosures) {
            self.disclosure.execute(params![position << 8 | number, log, index, ciphertext])?;
        }
        if let Some((id, mac)) = &row.command {
            self.command.execute(params![log, id, mac, index, position])?;
        }
        Ok(position)
    }
}

fn open(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(SETTINGS)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn checkpoints(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        // What cannot be copied now is copied the next time.
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}
