//! Signed checkpoints.

use ledger::ids::TenantId;
use ledger_store::{StoreError, StoredCheckpoint};
use rusqlite::{Connection, OptionalExtension, params};

use crate::core::Core;
use crate::error::CoreError;

pub(super) fn latest(conn: &Connection, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, CoreError> {
    let mut query = conn
        .prepare_cached("SELECT c.size, c.note FROM checkpoints c JOIN logs USING (log) WHERE tenant = ?1")?;
    let found = query.query_row(params![tenant.as_str()], |row| {
        Ok(StoredCheckpoint { size: row.get(0)?, note: row.get(1)? })
    });
    Ok(found.optional()?)
}

/// The head file is made durable first: whoever holds the checkpoint can then trust that a start with less than
/// it says is noticed here.
pub(super) fn put(
    core: &mut Core,
    tenant: &TenantId,
    checkpoint: &StoredCheckpoint,
) -> Result<(), CoreError> {
    let Some(log) = core.logs.get(tenant) else {
        return Err(CoreError::Invalid(format!("tenant {tenant} has no log")));
    };
    let latest = latest(&core.conn, tenant)?;
    checkpoint
        .follows(latest.as_ref(), log.size)
        .map_err(|error: StoreError| CoreError::Invalid(error.to_string()))?;
    core.head_file.sync().map_err(CoreError::HeadFile)?;
    core.conn
        .prepare_cached(
            "INSERT INTO checkpoints (log, size, note) VALUES (?1, ?2, ?3)
             ON CONFLICT (log) DO UPDATE SET size = excluded.size, note = excluded.note",
        )?
        .execute(params![log.id, checkpoint.size, checkpoint.note])?;
    Ok(())
}
