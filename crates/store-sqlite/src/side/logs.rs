//! Logs, and what they were before an accepted loss.

use ledger::epochs::Predecessor;
use ledger::ids::TenantId;
use ledger::merkle::{EMPTY_ROOT, Hash};
use ledger_store::{LogInfo, PutOutcome, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

use crate::core::{Core, Log};
use crate::error::CoreError;

pub(super) fn read(conn: &Connection) -> Result<Vec<LogInfo>, CoreError> {
    let mut query = conn.prepare_cached("SELECT tenant, slot, origin FROM logs ORDER BY slot")?;
    let mut rows = query.query([])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        let tenant: String = row.get(0)?;
        let tenant = TenantId::new(tenant).map_err(|error| CoreError::Corrupt(error.to_string()))?;
        logs.push(LogInfo { tenant, slot: row.get(1)?, origin: row.get(2)? });
    }
    Ok(logs)
}

pub(super) fn put(core: &mut Core, log: &LogInfo) -> Result<PutOutcome, CoreError> {
    let invalid = |error: StoreError| CoreError::Invalid(error.to_string());
    log.check().map_err(invalid)?;
    let existing = read(&core.conn)?;
    if existing.contains(log) {
        return Ok(PutOutcome::Existing);
    }
    if let Some(taken) = existing.iter().find(|existing| existing.collides(log)) {
        return Err(invalid(log.taken(taken)));
    }
    core.conn.execute(
        "INSERT INTO logs (tenant, slot, origin, root) VALUES (?1, ?2, ?3, ?4)",
        params![log.tenant.as_str(), log.slot, log.origin, &EMPTY_ROOT[..]],
    )?;
    let id = core.conn.last_insert_rowid();
    // On record before its first entry: a log that the head file does not know must be empty.
    core.head_file.write(id, 0, EMPTY_ROOT).map_err(CoreError::HeadFile)?;
    core.head_file.sync().map_err(CoreError::HeadFile)?;
    core.add_log(log.tenant.clone(), Log::new(id));
    Ok(PutOutcome::Stored)
}

pub(super) fn succession(conn: &Connection, tenant: &TenantId) -> Result<Option<Predecessor>, CoreError> {
    let mut query = conn.prepare_cached(
        "SELECT s.origin, s.size, s.root FROM successions s JOIN logs USING (log)
         WHERE tenant = ?1 AND pending ORDER BY s.size LIMIT 1",
    )?;
    let found = query.query_row(params![tenant.as_str()], |row| {
        let root: Hash = row.get(2)?;
        Ok(Predecessor { origin: row.get(0)?, size: row.get(1)?, root: ledger::b64::encode(root) })
    });
    Ok(found.optional()?)
}
