//! Verifying a whole store: everything that is derived is computed again from the signed bytes and compared.
//!
//! Events (canonical header, signature under the key that was active, chain of its stream, leaf), numbers (no gap
//! in positions and indexes), trees and tiles, heads and pointers, the head file, the latest checkpoints. What
//! the readers are given by mistake elsewhere would show here. It does not decrypt disclosures or blobs.

mod derived;
mod log;
mod report;
mod rows;
mod tree;

use rusqlite::Connection;

use crate::error::OpenError;
use crate::headfile::HeadFile;
use crate::options::StoreOptions;
use crate::sqlite::{Role, connect, open_error, store_id};
use derived::Witnesses;
use log::LogVerifier;
pub use report::{Failure, Verification, VerifiedLog};

/// Verifies a store, in one snapshot if it is being written; `progress` is told the events read and the events there are.
///
/// # Errors
/// [`OpenError`] if the database cannot be opened at all; everything else is a failure in the report.
pub fn verify_store(
    options: &StoreOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<Verification, OpenError> {
    let path = options.database();
    let conn = connect(&path, Role::Verifier)?;
    let mut report = Verification::default();
    // Before the snapshot: a store that is being written may then be ahead of its head file, never behind.
    let head_file = head_file(&conn, options, &mut report);
    conn.execute_batch("BEGIN").map_err(|error| open_error(&path, &error))?;
    if let Err(error) = integrity(&conn, &mut report) {
        report.fail(Failure::of_store(format!("the database cannot be read: {error}")));
    }
    let mut logs = match rows::logs(&conn) {
        Ok(logs) => logs,
        Err(error) => {
            report.fail(Failure::of_store(format!("the table of logs cannot be read: {error}")));
            return Ok(report);
        }
    };
    if head_file.is_none() && !logs.is_empty() && report.holds() {
        report.fail(Failure::of_store("the head file is missing: a lost tail cannot be noticed"));
    }
    let unknown =
        head_file.iter().flat_map(HeadFile::logs).filter(|id| logs.iter().all(|l| l.stored.id != *id));
    for id in unknown {
        report.fail(Failure::of_store(format!("the head file knows log {id}, the database does not")));
    }
    let witnesses: Vec<Witnesses> = logs
        .iter_mut()
        .map(|log| {
            let head = head_file.as_ref().and_then(|file| file.head(log.stored.id));
            Witnesses::of(log, &conn, head)
        })
        .collect();
    rows::events(&conn, &mut logs, &mut report, &mut progress);
    // What was said of the whole store stays first; then events, by position; then whole logs.
    report.failures.sort_by_key(|failure| match (failure.position, &failure.tenant) {
        (Some(position), _) => position,
        (None, None) => 0,
        (None, Some(_)) => u64::MAX,
    });
    for (log, witnesses) in logs.iter().zip(&witnesses) {
        if let Err(error) = witnesses.compare(log, &conn, &mut report) {
            report.fail(Failure::of_log(&log.tenant, format!("what is derived cannot be read: {error}")));
        }
    }
    report.logs = logs.iter().map(LogVerifier::result).collect();
    Ok(report)
}

fn integrity(conn: &Connection, report: &mut Verification) -> Result<(), rusqlite::Error> {
    let mut query = conn.prepare("PRAGMA integrity_check(10)")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            report.fail(Failure::of_store(format!("the database's structure is damaged: {line}")));
        }
    }
    Ok(())
}

fn head_file(conn: &Connection, options: &StoreOptions, report: &mut Verification) -> Option<HeadFile> {
    let opened = store_id(conn, &options.database())
        .and_then(|store| HeadFile::open(&options.head_file, &options.head_key, &store));
    match opened {
        Ok(found) => found,
        Err(error) => {
            report.fail(Failure::of_store(error.to_string()));
            None
        }
    }
}

pub(crate) fn unreadable(error: &rusqlite::Error) -> String {
    open_error(std::path::Path::new("events.db"), error).to_string()
}
