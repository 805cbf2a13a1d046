//! Verifying a whole store: everything that is derived is computed again from the signed bytes and compared.
//!
//! Events (canonical header, signature under the key that was active, chain of its stream, leaf), numbers (no gap
//! in positions and indexes), trees and tiles, heads and pointers, the head file, the latest checkpoints. What
//! the readers are given by mistake elsewhere would show here. It does not decrypt disclosures or blobs.

mod derived;
mod log;
mod rows;
mod tree;

use rusqlite::Connection;

use crate::error::OpenError;
use crate::options::StoreOptions;
use crate::sqlite::{Role, connect, open_error, store_id};
use derived::Witnesses;
use ledger_store::Custody;
use ledger_store::headfile::HeadFile;
use ledger_store::verify::{Failure, Verification};
use log::LogVerifier;

/// Verifies a store, in one snapshot if it is being written; `progress` is told how many events have been read and
/// how many there are.
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
    if !options.guarded {
        return verify(&conn, options, None, report, &mut progress);
    }
    // Before the snapshot: a store that is being written may then be ahead of its head file, never behind.
    let opened = store_id(&conn, &path)
        .and_then(|store| Ok(HeadFile::open(&options.head_file, &options.head_key, &store)?));
    match opened {
        Ok(Some(head_file)) => return verify(&conn, options, Some(&head_file), report, &mut progress),
        Ok(None) => report.fail(Failure::of_store("the head file is missing: a lost tail cannot be noticed")),
        Err(error) => report.fail(Failure::of_store(error.to_string())),
    }
    verify(&conn, options, None, report, &mut progress)
}

/// What a store is to its ledger, whoever holds it.
///
/// # Errors
/// [`OpenError`]
pub fn custody_of(options: &StoreOptions) -> Result<Custody, OpenError> {
    let path = options.database();
    let conn = connect(&path, Role::Verifier)?;
    crate::portable::custody(&conn).map_err(|error| OpenError::Damaged { path, reason: error.to_string() })
}

/// Verifies what is in the database alone.
pub(crate) fn verify_database(options: &StoreOptions) -> Result<Verification, OpenError> {
    let conn = connect(&options.database(), Role::Verifier)?;
    verify(&conn, options, None, Verification::default(), &mut |_, _| {})
}

fn verify(
    conn: &Connection,
    options: &StoreOptions,
    head_file: Option<&HeadFile>,
    mut report: Verification,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verification, OpenError> {
    conn.execute_batch("BEGIN").map_err(|error| open_error(&options.database(), &error))?;
    if let Err(error) = integrity(conn, &mut report) {
        report.fail(Failure::of_store(format!("the database cannot be read: {error}")));
    }
    let mut logs = match rows::logs(conn) {
        Ok(logs) => logs,
        Err(error) => {
            report.fail(Failure::of_store(format!("the table of logs cannot be read: {error}")));
            return Ok(report);
        }
    };
    let unknown =
        head_file.into_iter().flat_map(HeadFile::logs).filter(|id| logs.iter().all(|l| l.stored.id != *id));
    for id in unknown {
        report.fail(Failure::of_store(format!("the head file knows log {id}, the database does not")));
    }
    let witnesses: Vec<Witnesses> = logs
        .iter_mut()
        .map(|log| {
            let head = head_file.and_then(|file| file.head(log.stored.id));
            Witnesses::of(log, conn, head)
        })
        .collect();
    rows::events(conn, &mut logs, &mut report, progress);
    // What was said of the whole store stays first; then events, by position; then whole logs.
    report.failures.sort_by_key(|failure| match (failure.position, &failure.tenant) {
        (Some(position), _) => position,
        (None, None) => 0,
        (None, Some(_)) => u64::MAX,
    });
    for (log, witnesses) in logs.iter().zip(&witnesses) {
        if let Err(error) = witnesses.compare(log, conn, &mut report) {
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

pub(crate) fn unreadable(error: &rusqlite::Error) -> String {
    open_error(std::path::Path::new("events.db"), error).to_string()
}
