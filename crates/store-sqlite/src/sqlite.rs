//! Opening connections: the settings that durability depends on, asserted, and the migrations.

use std::path::Path;
use std::time::Duration;

use ledger::clock::Entropy;
use ledger_store::Birth;
use rusqlite::{Connection, OpenFlags, params};

use crate::error::OpenError;

/// Forward-only; the database's `user_version` is the number of those that ran.
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/sqlite/events/0001_event_store.sql")];

/// Measured: 4 KiB pages split twice as often under 600-byte rows and write more of the WAL.
const PAGE_BYTES: u32 = 8192;

/// A negative number is KiB. The writer's working set is the right edge of a few trees and the heads.
const WRITER_CACHE: i64 = -24 * 1024;
const READER_CACHE: i64 = -2 * 1024;

/// Long enough for a checkpoint to let go of the file; nobody else writes.
const BUSY: Duration = Duration::from_secs(10);

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    #[cfg(test)]
    WeakWriter,
    Checkpointer,
    Reader,
    Verifier,
}

/// Opens the database and makes the settings of its role.
pub(crate) fn connect(path: &Path, role: Role) -> Result<Connection, OpenError> {
    let io = |error: rusqlite::Error| open_error(path, &error);
    let base = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let flags = match role {
        Role::Reader | Role::Verifier => base | OpenFlags::SQLITE_OPEN_READ_ONLY,
        _ => base | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let conn = Connection::open_with_flags(path, flags).map_err(io)?;
    conn.busy_timeout(BUSY).map_err(io)?;
    conn.set_prepared_statement_cache_capacity(64);
    match role {
        Role::Reader | Role::Verifier => conn.pragma_update(None, "cache_size", READER_CACHE).map_err(io)?,
        _ => writable(&conn, role).map_err(io)?,
    }
    if !matches!(role, Role::Reader | Role::Verifier) {
        assert_pragma(&conn, path, "journal_mode", "wal")?;
        let full = if cfg!(test) && role != Role::Writer && role != Role::Checkpointer { "1" } else { "2" };
        assert_pragma(&conn, path, "synchronous", full)?;
    }
    Ok(conn)
}

/// Opens a database that nobody has open, to read it: no journal is made beside it.
pub(crate) fn connect_settled(path: &Path) -> Result<Connection, OpenError> {
    use std::os::unix::ffi::OsStrExt;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(byte);
    let escaped = |byte: &u8| if plain(byte) { char::from(*byte).into() } else { format!("%{byte:02x}") };
    let name: String = path.as_os_str().as_bytes().iter().map(escaped).collect();
    let flags =
        OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)
        .map_err(|error| open_error(path, &error))
}

/// How many migrations have not run; negative: a newer version has run more.
pub(crate) fn pending(conn: &Connection, path: &Path) -> Result<i64, OpenError> {
    let found: i64 = conn
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| open_error(path, &error))?;
    Ok(i64::try_from(MIGRATIONS.len()).expect("migrations are few") - found)
}

fn writable(conn: &Connection, role: Role) -> Result<(), rusqlite::Error> {
    // Takes effect in a database without pages only; must come before the WAL.
    conn.pragma_update(None, "page_size", PAGE_BYTES)?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let synchronous = if role == Role::Writer || role == Role::Checkpointer { "FULL" } else { "NORMAL" };
    conn.pragma_update(None, "synchronous", synchronous)?;
    // Checkpoints run beside the hot path: see `checkpointer`.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "foreign_keys", "OFF")?;
    conn.pragma_update(None, "cache_size", WRITER_CACHE)
}

fn assert_pragma(
    conn: &Connection,
    path: &Path,
    pragma: &'static str,
    wanted: &str,
) -> Result<(), OpenError> {
    let found: rusqlite::types::Value =
        conn.pragma_query_value(None, pragma, |row| row.get(0)).map_err(|e| open_error(path, &e))?;
    let found = match found {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    if found == wanted { Ok(()) } else { Err(OpenError::Pragma { pragma, found, wanted: wanted.to_owned() }) }
}

/// Brings a database to the newest schema, each step in a transaction of its own.
pub(crate) fn migrate(
    conn: &mut Connection,
    path: &Path,
    entropy: &dyn Entropy,
    birth: Option<&Birth>,
) -> Result<(), OpenError> {
    let io = |error: rusqlite::Error| open_error(path, &error);
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(io)?;
    let known = i64::try_from(MIGRATIONS.len()).expect("migrations are few");
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    for (version, sql) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let tx = conn.transaction().map_err(io)?;
        tx.execute_batch(sql).map_err(io)?;
        if version == 1 {
            let mut store = [0; 16];
            entropy.fill(&mut store);
            if let Some(birth) = birth {
                store = birth.identity;
                let custody = birth.custody.text().into_bytes();
                tx.execute("INSERT INTO meta (key, value) VALUES ('custody', ?1)", params![custody])
                    .map_err(io)?;
            }
            tx.execute("INSERT INTO meta (key, value) VALUES ('store', ?1)", params![store]).map_err(io)?;
        }
        tx.pragma_update(None, "user_version", version).map_err(io)?;
        tx.commit().map_err(io)?;
    }
    Ok(())
}

/// The store's identity, made with the database.
pub(crate) fn store_id(conn: &Connection, path: &Path) -> Result<[u8; 16], OpenError> {
    conn.query_row("SELECT value FROM meta WHERE key = 'store'", [], |row| row.get(0))
        .map_err(|error| open_error(path, &error))
}

/// The errors that a damaged or unreachable file gives at open.
pub(crate) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    use rusqlite::ErrorCode;
    let (path, reason) = (path.to_owned(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Damaged { path, reason },
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            OpenError::Io { path, reason: format!("{reason}; the data directory must exist and be writable") }
        }
        Some(_) => OpenError::Io { path, reason },
        // A row that is missing or has another type: the file is no longer what this program wrote.
        None => OpenError::Damaged { path, reason },
    }
}
