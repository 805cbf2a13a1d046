//! The contract's questions, answered on a reader's connection in one snapshot.

use std::sync::PoisonError;

use ledger::event::EventHash;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use ledger_store::{
    CommandReceipt, Direction, LogHead, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Page, Read, Source, StoredEvent,
    StreamHead,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::core::{Head, LOG_COLUMNS, Log, Names, SharedNames, find_head};
use crate::error::CoreError;
use crate::open::read_tile;
use crate::query::{ROW_COLUMNS, position_of, run_of};

/// Rows that one filtered read looks at: bounds how long a reader's connection is taken.
const SCAN_ROWS_MAX: u64 = 50_000;

pub(crate) fn log(conn: &Connection, tenant: &TenantId) -> Result<Option<Log>, CoreError> {
    let mut query = conn.prepare_cached(&format!("SELECT {LOG_COLUMNS} FROM logs WHERE tenant = ?1"))?;
    Ok(query.query_row(params![tenant.as_str()], |row| Ok(Log::from_row(row)?.1)).optional()?)
}

pub(crate) fn log_head(conn: &Connection, tenant: &TenantId) -> Result<Option<LogHead>, CoreError> {
    Ok(log(conn, tenant)?.map(|log| LogHead {
        size: log.size,
        root: log.root,
        active_kid: log.active(),
        last_position: log.last_position,
    }))
}

pub(crate) fn head(conn: &Connection, log: i64, stream: &StreamId) -> Result<Option<Head>, CoreError> {
    let mut query = conn
        .prepare_cached("SELECT seq, position, hash, ancestors FROM heads WHERE log = ?1 AND stream = ?2")?;
    Ok(find_head(&mut query, log, stream)?)
}

pub(crate) fn stream_head(
    conn: &Connection,
    tenant: &TenantId,
    stream: &StreamId,
) -> Result<Option<StreamHead>, CoreError> {
    let mut query = conn.prepare_cached(
        "SELECT seq, hash FROM heads WHERE log = (SELECT log FROM logs WHERE tenant = ?1) AND stream = ?2",
    )?;
    let head = query.query_row(params![tenant.as_str(), stream.as_str()], |row| {
        Ok(StreamHead { seq: row.get(0)?, hash: EventHash(row.get(1)?) })
    });
    Ok(head.optional()?)
}

pub(crate) fn tile(conn: &Connection, tenant: &TenantId, tile: TileId) -> Result<Option<Vec<u8>>, CoreError> {
    let Some(log) = log(conn, tenant)?.filter(|log| tile.exists_in(log.size)) else { return Ok(None) };
    read_tile(conn, log.id, log.size, tile).map(Some)
}

pub(crate) fn command(
    conn: &Connection,
    tenant: &TenantId,
    command: &CommandId,
) -> Result<Option<CommandReceipt>, CoreError> {
    let mut query = conn.prepare_cached(
        "SELECT mac, first_idx, last_idx, position FROM commands
         WHERE log = (SELECT log FROM logs WHERE tenant = ?1) AND id = ?2",
    )?;
    let receipt = query.query_row(params![tenant.as_str(), command.as_str()], |row| {
        Ok(CommandReceipt {
            body_mac: row.get(0)?,
            first_index: row.get(1)?,
            last_index: row.get(2)?,
            position: row.get(3)?,
        })
    });
    Ok(receipt.optional()?)
}

/// A page of events.
pub(crate) fn read(conn: &Connection, names: &SharedNames, query: &Read) -> Result<Page, CoreError> {
    let names = names.read().unwrap_or_else(PoisonError::into_inner);
    let mut pager = Pager::new(query, &names);
    match &query.source {
        Source::All { from } => pager.all(conn, *from)?,
        Source::Log { tenant, from } => pager.log(conn, tenant, *from)?,
        Source::Stream { tenant, stream, from } => pager.stream(conn, tenant, stream, *from)?,
    }
    Ok(pager.page)
}

/// Collects a page, within its bounds.
struct Pager<'a> {
    query: &'a Read,
    names: &'a Names,
    limit: usize,
    bytes: usize,
    scanned: u64,
    page: Page,
}

impl<'a> Pager<'a> {
    fn new(query: &'a Read, names: &'a Names) -> Self {
        let limit = query.limit.clamp(1, PAGE_EVENTS_MAX);
        let page = Page { events: Vec::new(), next: 0, end: true };
        Self { query, names, limit, bytes: 0, scanned: 0, page }
    }

    fn backward(&self) -> bool {
        self.query.direction == Direction::Backward
    }

    /// Has the page all that it may hold, or looked at all that it may?
    fn full(&self) -> bool {
        self.page.events.len() >= self.limit || self.bytes >= PAGE_BYTES_MAX || self.scanned >= SCAN_ROWS_MAX
    }

    /// Takes a row that lies at `place` of the source.
    fn take(&mut self, row: &Row<'_>, place: u64) -> Result<(), CoreError> {
        self.scanned += 1;
        self.page.next = if self.backward() { place.saturating_sub(1) } else { place + 1 };
        let unknown = |what: &str| CoreError::Corrupt(format!("an event has a {what} that is not stored"));
        let kind = self.names.kinds.get(&row.get(3)?).ok_or_else(|| unknown("type"))?;
        let tenant = self.names.tenants.get(&row.get(1)?).ok_or_else(|| unknown("tenant"))?;
        if self.query.filter.passes(tenant, &kind.event_type, &kind.category) {
            let header = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
            self.bytes += header.len();
            self.page.events.push(StoredEvent {
                position: row.get(0)?,
                index: row.get(2)?,
                tenant: tenant.clone(),
                event_type: kind.event_type.clone(),
                header: header.into(),
                signature: row.get(5)?,
            });
        }
        Ok(())
    }

    fn all(&mut self, conn: &Connection, from: u64) -> Result<(), CoreError> {
        let from = from.clamp(1, i64::MAX as u64);
        self.page.next = from;
        let (compare, order) = if self.backward() { ("<=", "DESC") } else { (">=", "ASC") };
        let mut query = conn.prepare_cached(&format!(
            "SELECT {ROW_COLUMNS} FROM events WHERE position {compare} ?1 ORDER BY position {order}"
        ))?;
        let mut rows = query.query(params![from])?;
        while let Some(row) = rows.next()? {
            if self.full() {
                self.page.end = false;
                break;
            }
            self.take(row, row.get(0)?)?;
        }
        Ok(())
    }

    fn log(&mut self, conn: &Connection, tenant: &TenantId, from: u64) -> Result<(), CoreError> {
        self.page.next = from;
        let Some(log) = log(conn, tenant)?.filter(|log| log.size > 0) else { return Ok(()) };
        let mut index = if self.backward() { from.min(log.size - 1) } else { from };
        while index < log.size {
            let Some(run) = run_of(conn, log.id, index)? else {
                return Err(CoreError::Corrupt(format!("entry {index} of tenant {tenant} has no place")));
            };
            let end = run.end.unwrap_or(log.size);
            let (first, last, order) = match self.backward() {
                true => (run.index, index, "DESC"),
                false => (index, end - 1, "ASC"),
            };
            let mut query = conn.prepare_cached(&format!(
                "SELECT {ROW_COLUMNS} FROM events WHERE position BETWEEN ?1 AND ?2 ORDER BY position {order}"
            ))?;
            let offset = run.position - run.index;
            let mut rows = query.query(params![first + offset, last + offset])?;
            while let Some(row) = rows.next()? {
                if self.full() {
                    self.page.end = false;
                    return Ok(());
                }
                if row.get::<_, i64>(1)? != log.id || row.get::<_, u64>(2)? != index {
                    return Err(CoreError::Corrupt(format!(
                        "entry {index} of tenant {tenant} is not in its place"
                    )));
                }
                self.take(row, index)?;
                match (self.backward(), index) {
                    (true, 0) => return Ok(()),
                    (true, _) => index -= 1,
                    (false, _) => index += 1,
                }
            }
            let expected = if self.backward() { first.wrapping_sub(1) } else { last + 1 };
            if index != expected {
                return Err(CoreError::Corrupt(format!("entry {index} of tenant {tenant} is missing")));
            }
        }
        Ok(())
    }

    fn stream(
        &mut self,
        conn: &Connection,
        tenant: &TenantId,
        stream: &StreamId,
        from: u64,
    ) -> Result<(), CoreError> {
        self.page.next = from;
        let Some(log) = log(conn, tenant)? else { return Ok(()) };
        let Some(head) = head(conn, log.id, stream)? else { return Ok(()) };
        if self.backward() {
            return self.stream_backward(conn, &head, from);
        }
        if from > head.seq {
            return Ok(());
        }
        // Pointers lead back only: a page forward is walked from its end, then turned.
        let last = head.seq.min(from.saturating_add(self.limit as u64 - 1));
        let mut position = position_of(conn, &head, last)?;
        let mut positions = Vec::new();
        let mut back = conn.prepare_cached("SELECT back FROM events WHERE position = ?1")?;
        for seq in (from..=last).rev() {
            let at = position.ok_or_else(|| broken(tenant, stream, seq))?;
            positions.push(at);
            position = back.query_row(params![at], |row| row.get(0))?;
        }
        for (seq, position) in (from..).zip(positions.into_iter().rev()) {
            if self.full() {
                self.page.end = false;
                return Ok(());
            }
            self.row_at(conn, position, seq)?;
        }
        self.page.end = last == head.seq;
        Ok(())
    }

    fn stream_backward(&mut self, conn: &Connection, head: &Head, from: u64) -> Result<(), CoreError> {
        let mut seq = from.min(head.seq);
        let mut position = position_of(conn, head, seq)?;
        while let Some(at) = position {
            if self.full() {
                self.page.end = false;
                return Ok(());
            }
            position = self.row_at(conn, at, seq)?;
            seq = seq.wrapping_sub(1);
        }
        Ok(())
    }

    /// Takes the row at a position; gives the one before in its stream.
    fn row_at(&mut self, conn: &Connection, position: u64, seq: u64) -> Result<Option<u64>, CoreError> {
        let mut query =
            conn.prepare_cached(&format!("SELECT {ROW_COLUMNS}, back FROM events WHERE position = ?1"))?;
        let mut rows = query.query(params![position])?;
        let row =
            rows.next()?.ok_or_else(|| CoreError::Corrupt(format!("position {position} is missing")))?;
        self.take(row, seq)?;
        Ok(row.get(6)?)
    }
}

fn broken(tenant: &TenantId, stream: &StreamId, seq: u64) -> CoreError {
    CoreError::Corrupt(format!("stream {stream} of tenant {tenant} breaks off at {seq}"))
}
