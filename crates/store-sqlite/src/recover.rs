//! Accepting a loss: see [`ledger_store::succession`].

use ledger::merkle::root_at;
use ledger::tile::{TileId, TileReader};
use rusqlite::{Connection, params};

use crate::core::Log;
use crate::error::OpenError;
use crate::lock::DirectoryLock;
use crate::open::read_tile;
use crate::options::StoreOptions;
use crate::sqlite::{Role, connect, open_error, store_id};
use crate::verify::verify_database;
use ledger_store::Access;
use ledger_store::headfile::{Head, HeadFile};
use ledger_store::succession::{AcceptedLoss, Remains};

/// Makes a database that does not match its head file servable again, and says what that costs. Nothing is done
/// if they match. It can be cut off at any place and run again.
///
/// # Errors
/// [`OpenError`]: the directory is in use, or the database is damaged in itself (a loss can be accepted, damage
/// cannot: restore a backup first).
pub fn accept_loss(options: &StoreOptions) -> Result<Vec<AcceptedLoss>, OpenError> {
    let _lock = DirectoryLock::take(&options.lock())?;
    let path = options.database();
    let report = verify_database(options)?;
    if let Some(failure) = report.failures.first() {
        return Err(OpenError::Damaged { path, reason: failure.to_string() });
    }
    let mut conn = connect(&path, Role::Writer)?;
    let custody = crate::portable::custody(&conn)
        .map_err(|error| OpenError::Damaged { path: path.clone(), reason: error.to_string() })?;
    if let Some(reason) = custody.refusal(Access::Serve) {
        return Err(OpenError::NotLive { path: options.data_dir.clone(), reason });
    }
    let store = store_id(&conn, &path)?;
    let sql = |error: rusqlite::Error| open_error(&path, &error);
    if cut_off(&conn).map_err(sql)? {
        return new_head_file(&conn, options, &store).map(|()| Vec::new());
    }
    // A head file that is missing or cannot be trusted says nothing: every log may have lost something.
    let heads = HeadFile::open(&options.head_file, &options.head_key, &store).ok().flatten();
    let logs = stored(&conn).map_err(sql)?;
    let mut losses = Vec::new();
    for stored in &logs {
        let known = heads.as_ref().and_then(|heads| heads.head(stored.log.id));
        losses.extend(loss(&conn, stored, known));
    }
    let unknown = heads.iter().flat_map(HeadFile::logs).any(|id| logs.iter().all(|s| s.log.id != id));
    if losses.is_empty() && !unknown && heads.is_some() {
        return Ok(losses);
    }
    let mut fresh = [0; 16];
    options.entropy.fill(&mut fresh);
    record(&mut conn, &losses, &fresh).map_err(sql)?;
    new_head_file(&conn, options, &fresh)?;
    Ok(losses)
}

/// Was an earlier run cut off between the database and the head file?
fn cut_off(conn: &Connection) -> Result<bool, rusqlite::Error> {
    conn.prepare("SELECT 1 FROM meta WHERE key = 'recovering'")?.exists([])
}

fn new_head_file(conn: &Connection, options: &StoreOptions, store: &[u8; 16]) -> Result<(), OpenError> {
    let sql = |error: rusqlite::Error| open_error(&options.database(), &error);
    let io = |error: std::io::Error| OpenError::Io {
        path: options.head_file.clone(),
        reason: format!("{error}; the head file must be writable"),
    };
    let mut file = HeadFile::create(&options.head_file, &options.head_key, store)?;
    for Stored { log, .. } in stored(conn).map_err(sql)? {
        file.write(log.id, log.size, log.root).map_err(io)?;
    }
    file.sync().map_err(io)?;
    conn.execute("DELETE FROM meta WHERE key = 'recovering'", []).map_err(sql)?;
    Ok(())
}

struct Stored {
    tenant: String,
    origin: String,
    log: Log,
}

fn stored(conn: &Connection) -> Result<Vec<Stored>, rusqlite::Error> {
    let columns = crate::core::LOG_COLUMNS;
    let mut query = conn.prepare(&format!("SELECT {columns}, origin FROM logs ORDER BY log"))?;
    let rows = query.query_map([], |row| {
        let (tenant, log) = Log::from_row(row)?;
        Ok(Stored { tenant, log, origin: row.get("origin")? })
    })?;
    rows.collect()
}

/// What a log has lost. `known` is what the head file says of it.
fn loss(conn: &Connection, stored: &Stored, known: Option<Head>) -> Option<AcceptedLoss> {
    let Stored { tenant, origin, log } = stored;
    let then = known.filter(|head| head.size <= log.size).and_then(|head| {
        let fetch = |tile: TileId| read_tile(conn, log.id, log.size, tile);
        root_at(head.size, &TileReader::new(log.size, fetch)).ok()
    });
    Remains { tenant, origin, size: log.size, root: log.root }.loss(known, then)
}

/// The old head file does not fit the new identity: until the new one is there, nothing is served.
fn record(conn: &mut Connection, losses: &[AcceptedLoss], store: &[u8; 16]) -> Result<(), rusqlite::Error> {
    let tx = conn.transaction()?;
    for loss in losses {
        tx.execute(
            "INSERT INTO successions (log, origin, size, root)
             SELECT log, origin, ?2, ?3 FROM logs WHERE tenant = ?1",
            params![loss.tenant, loss.known_size, &loss.known_root[..]],
        )?;
        // The kept checkpoint is of the old origin; the next one will be of the new.
        tx.execute(
            "DELETE FROM checkpoints WHERE log = (SELECT log FROM logs WHERE tenant = ?1)",
            params![loss.tenant],
        )?;
        tx.execute("UPDATE logs SET origin = ?2 WHERE tenant = ?1", params![loss.tenant, loss.successor])?;
    }
    tx.execute("UPDATE meta SET value = ?1 WHERE key = 'store'", params![&store[..]])?;
    tx.execute("INSERT INTO meta (key, value) VALUES ('recovering', x'01')", [])?;
    tx.commit()
}
