//! Looking at a database beside whoever works with it: it is read, no lock is taken, and nothing is made.

use ledger_store::headfile::HeadFile;
use ledger_store::keyring::first_secret;
use rusqlite::{Connection, OptionalExtension, params};

use crate::core::{LOG_COLUMNS, Log};
use crate::error::OpenError;
use crate::open::{damaged, root_before};
use crate::options::StoreOptions;
use crate::sqlite::{Role, connect, connect_settled, open_error, pending, store_id};

/// A database as it is.
#[derive(Debug)]
pub struct Look {
    /// The version of SQLite that is linked.
    pub sqlite: &'static str,
    /// Migrations that have not run; negative: the database is of a newer version.
    pub pending: i64,
    /// The highest committed position.
    pub position: u64,
    /// How many logs there are.
    pub logs: u64,
    /// The header of the newest event.
    pub newest: Option<Vec<u8>>,
    /// The wrapped secret that every ledger has.
    pub secret: Option<Vec<u8>>,
    /// Does the database have what the head file names?
    pub head: Result<(), OpenError>,
}

/// Looks at the database of a data directory. It reads, and changes nothing.
///
/// # Errors
/// [`OpenError`]: it cannot be opened or read.
pub fn look(options: &StoreOptions) -> Result<Look, OpenError> {
    let path = options.database();
    let mut journal = path.clone().into_os_string();
    journal.push("-wal");
    // Where there is no journal nobody has the database open; opening it as others do would make one.
    let conn = if std::fs::exists(&journal).unwrap_or(true) {
        connect(&path, Role::Reader)?
    } else {
        connect_settled(&path)?
    };
    let failed = |error: rusqlite::Error| open_error(&path, &error);
    let pending = pending(&conn, &path)?;
    // Before the snapshot: a store that is being written may then be ahead of its head file, never behind.
    let store = store_id(&conn, &path)?;
    let head_file = HeadFile::open(&options.head_file, &options.head_key, &store);
    conn.execute_batch("BEGIN").map_err(failed)?;
    let logs = logs(&conn).map_err(failed)?;
    let head = match head_file {
        Ok(Some(head_file)) => compare(&conn, options, &head_file, &logs),
        Ok(None) if logs.is_empty() => Ok(()),
        Ok(None) => Err(OpenError::HeadFileMissing { path: options.head_file.clone() }),
        Err(error) => Err(error.into()),
    };
    let wanted = first_secret();
    let secret = conn
        .query_row(
            "SELECT wrapped FROM secrets WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
            params![wanted.tenant.as_str(), wanted.kind.as_str(), wanted.id],
            |row| row.get(0),
        )
        .optional()
        .map_err(failed)?;
    let newest = conn
        .query_row("SELECT position, header FROM events ORDER BY position DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(failed)?;
    let (position, newest) = newest.map_or((0, None), |(position, header)| (position, Some(header)));
    Ok(Look { sqlite: rusqlite::version(), pending, position, logs: logs.len() as u64, newest, secret, head })
}

fn logs(conn: &Connection) -> Result<Vec<(String, Log)>, rusqlite::Error> {
    let mut query = conn.prepare(&format!("SELECT {LOG_COLUMNS} FROM logs ORDER BY log"))?;
    query.query_map([], Log::from_row)?.collect()
}

/// The database may be ahead of the head file; never behind, never beside.
fn compare(
    conn: &Connection,
    options: &StoreOptions,
    head_file: &HeadFile,
    logs: &[(String, Log)],
) -> Result<(), OpenError> {
    if let Some(lost) = head_file.logs().find(|id| logs.iter().all(|(_, log)| log.id != *id)) {
        let detail = "the head file knows it, the database does not".to_owned();
        return Err(OpenError::HeadMismatch { log: format!("number {lost}"), detail });
    }
    for (tenant, log) in logs {
        let mismatch = |detail: String| OpenError::HeadMismatch { log: format!("tenant {tenant}"), detail };
        let Some(head) = head_file.head(log.id) else {
            if log.size > 0 {
                let detail = format!("it has {} entries, the head file has no record", log.size);
                return Err(mismatch(detail));
            }
            continue;
        };
        if log.size < head.size {
            let detail = format!("it has {} entries, the head file says {}", log.size, head.size);
            return Err(mismatch(detail));
        }
        let root = root_before(conn, log, head).map_err(|error| damaged(&options.database(), &error))?;
        if root != head.root {
            let detail = format!("its first {} entries are not those that were there", head.size);
            return Err(mismatch(detail));
        }
    }
    Ok(())
}
