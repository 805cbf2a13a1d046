//! Finding rows: by position, by index through the runs, by revision through the pointers.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::core::Head;
use crate::error::CoreError;

/// The columns of [`log_rows`], in order.
pub(crate) const ROW_COLUMNS: &str = "position, log, idx, kind, header, signature";

/// Walks over the entries `from..to` of a log, in order.
pub(crate) fn log_rows(
    conn: &Connection,
    log: i64,
    from: u64,
    to: u64,
    mut each: impl FnMut(&Row<'_>) -> Result<(), CoreError>,
) -> Result<(), CoreError> {
    let mut index = from;
    while index < to {
        let run = run_of(conn, log, index)?
            .ok_or_else(|| CoreError::Corrupt(format!("entry {index} of log {log} has no place")))?;
        let end = run.end.map_or(to, |end| end.min(to));
        let first = run.position + (index - run.index);
        let last = first + (end - index) - 1;
        let mut query = conn.prepare_cached(&format!(
            "SELECT {ROW_COLUMNS} FROM events WHERE position BETWEEN ?1 AND ?2 ORDER BY position"
        ))?;
        let mut rows = query.query(params![first, last])?;
        while let Some(row) = rows.next()? {
            let (found, place): (i64, u64) = (row.get(1)?, row.get(2)?);
            if found != log || place != index {
                return Err(CoreError::Corrupt(format!(
                    "where entry {index} of log {log} should be is entry {place} of log {found}"
                )));
            }
            each(row)?;
            index += 1;
        }
        if index != end {
            return Err(CoreError::Corrupt(format!("entry {index} of log {log} is missing")));
        }
    }
    Ok(())
}

/// Consecutive entries at consecutive positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub index: u64,
    pub position: u64,
    /// Where the next run begins. `None`: this is the newest.
    pub end: Option<u64>,
}

/// The run that an entry lies in.
pub(crate) fn run_of(conn: &Connection, log: i64, index: u64) -> Result<Option<Run>, CoreError> {
    let run: Option<(u64, u64)> = conn
        .prepare_cached(
            "SELECT idx, position FROM runs WHERE log = ?1 AND idx <= ?2 ORDER BY idx DESC LIMIT 1",
        )?
        .query_row(params![log, index], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((first, position)) = run else { return Ok(None) };
    let end = conn
        .prepare_cached("SELECT idx FROM runs WHERE log = ?1 AND idx > ?2 ORDER BY idx LIMIT 1")?
        .query_row(params![log, index], |row| row.get(0))
        .optional()?;
    Ok(Some(Run { index: first, position, end }))
}

/// The position of an earlier revision of a stream, reached by the pointers from its head. `None`: it has no
/// such revision yet.
pub(crate) fn position_of(conn: &Connection, head: &Head, seq: u64) -> Result<Option<u64>, CoreError> {
    if seq > head.seq {
        return Ok(None);
    }
    let (mut at, mut position) = (head.seq, head.position);
    // The head itself carries every jump from its own revision.
    let mut below = head.seq;
    for ancestor in &head.ancestors {
        below &= below.wrapping_sub(1);
        if below < seq {
            break;
        }
        (at, position) = (below, *ancestor);
    }
    let mut query = conn.prepare_cached("SELECT back, jump FROM events WHERE position = ?1")?;
    while at > seq {
        let (back, jump): (Option<u64>, Option<u64>) =
            query.query_row(params![position], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let cleared = at & (at - 1);
        let next = if cleared >= seq { jump.or(back) } else { back };
        at = if cleared >= seq { cleared } else { at - 1 };
        position = next
            .filter(|next| *next < position)
            .ok_or_else(|| CoreError::Corrupt(format!("position {position} does not point back")))?;
    }
    Ok(Some(position))
}
