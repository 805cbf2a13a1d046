//! The rows of the store, in commit order.

use std::collections::HashMap;

use ledger::ids::TenantId;
use rusqlite::{Connection, Row};

use super::log::{LogVerifier, StoredRow};
use crate::core::{LOG_COLUMNS, Log, Names};
use ledger_store::verify::{Failure, Verification};

/// Places that are tried behind one that cannot be read, in steps that double.
const TRIES_MAX: u32 = 24;

/// Events after which tiles are compared.
const COMPARED_EVERY: u64 = 65_536;

/// The logs, as their table says.
pub(super) fn logs(conn: &Connection) -> Result<Vec<LogVerifier>, rusqlite::Error> {
    let mut query = conn.prepare(&format!("SELECT {LOG_COLUMNS} FROM logs ORDER BY log"))?;
    let mut rows = query.query([])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        let (tenant, log) = Log::from_row(row)?;
        let tenant = TenantId::new(&tenant).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
        })?;
        logs.push(LogVerifier::new(tenant, log));
    }
    Ok(logs)
}

/// Reads every event and gives it to its log. A page that cannot be read is a failure, and what lies behind it is
/// looked for.
pub(super) fn events(
    conn: &Connection,
    logs: &mut [LogVerifier],
    report: &mut Verification,
    progress: &mut dyn FnMut(u64, u64),
) {
    let total = logs.iter().map(|log| log.stored.size).sum();
    let mut scan = Scan {
        by_id: logs.iter().enumerate().map(|(at, log)| (log.stored.id, at)).collect(),
        names: Names::load(conn).unwrap_or_default(),
        logs,
        next: 1,
        total,
    };
    let mut tries = 0;
    while let Err(error) = scan.run(conn, report, progress) {
        if tries == 0 {
            let reason = format!("cannot be read: {}", super::unreadable(&error));
            report.fail(Failure { position: Some(scan.next), ..Failure::of_store(reason) });
        }
        // `run` moves on as far as it can read; what it skips then is reported as missing.
        scan.next += 1 << tries;
        tries += 1;
        if tries == TRIES_MAX {
            break;
        }
    }
    if let Err(error) = scan.compare(conn, report, true) {
        report.fail(Failure::of_store(format!("tiles cannot be read: {}", super::unreadable(&error))));
    }
    progress(report.events, total);
}

struct Scan<'a> {
    by_id: HashMap<i64, usize>,
    names: Names,
    logs: &'a mut [LogVerifier],
    next: u64,
    total: u64,
}

impl Scan<'_> {
    fn run(
        &mut self,
        conn: &Connection,
        report: &mut Verification,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), rusqlite::Error> {
        let mut query = conn.prepare_cached(
            "SELECT position, log, idx, kind, header, signature, back, jump FROM events
             WHERE position >= ?1 ORDER BY position",
        )?;
        let mut rows = query.query([self.next])?;
        while let Some(row) = rows.next()? {
            self.take(row, report)?;
            if report.events.is_multiple_of(COMPARED_EVERY) {
                progress(report.events, self.total);
                self.compare(conn, report, false)?;
            }
        }
        Ok(())
    }

    /// Compares what is complete, so that little is held in memory.
    fn compare(
        &mut self,
        conn: &Connection,
        report: &mut Verification,
        at_end: bool,
    ) -> Result<(), rusqlite::Error> {
        for log in self.logs.iter_mut() {
            let place = Failure::of_log(&log.tenant, String::new());
            if at_end {
                log.check_signatures(report);
            }
            log.tree.compare(conn, at_end, &place, report)?;
        }
        Ok(())
    }

    fn take(&mut self, row: &Row<'_>, report: &mut Verification) -> Result<(), rusqlite::Error> {
        let position: u64 = row.get(0)?;
        if position != self.next {
            let reason = format!("events are missing: the next one is at position {position}");
            report.fail(Failure { position: Some(self.next), ..Failure::of_store(reason) });
        }
        self.next = position + 1;
        report.events += 1;
        let at = |reason: &str| Failure { position: Some(position), ..Failure::of_store(reason) };
        let Some(log) = self.by_id.get(&row.get(1)?).and_then(|at| self.logs.get_mut(*at)) else {
            report.fail(at("the event is of a log that does not exist"));
            return Ok(());
        };
        let Ok(signature) = row.get::<_, [u8; 64]>(5) else {
            report.fail(at("the signature has not 64 bytes"));
            return Ok(());
        };
        let stored = StoredRow {
            position,
            index: row.get(2)?,
            kind: self.names.kinds.get(&row.get(3)?),
            header: row.get_ref(4)?.as_blob()?,
            signature,
            back: row.get(6)?,
            jump: row.get(7)?,
        };
        log.take(&stored, report);
        Ok(())
    }
}
