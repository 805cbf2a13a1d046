//! Wrapped secrets. Deleting one overwrites its bytes: in the database, and by emptying the WAL.

use ledger::ids::TenantId;
use ledger_store::{PutOutcome, SecretKey, SecretKind};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::CoreError;
use crate::side::disclosures::deleting;

pub(super) fn put(conn: &Connection, key: &SecretKey, wrapped: &[u8]) -> Result<PutOutcome, CoreError> {
    let stored = conn.execute(
        "INSERT INTO secrets (tenant, kind, id, wrapped) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![key.tenant.as_str(), key.kind.as_str(), key.id, wrapped],
    )?;
    Ok(if stored == 1 { PutOutcome::Stored } else { PutOutcome::Existing })
}

/// The old wrapping is overwritten too: its KEK may be the one that must no longer open anything.
pub(super) fn rewrap(
    conn: &mut Connection,
    key: &SecretKey,
    old: &[u8],
    new: &[u8],
) -> Result<bool, CoreError> {
    deleting(conn, |tx| {
        let changed = tx.execute(
            "UPDATE secrets SET wrapped = ?5 WHERE tenant = ?1 AND kind = ?2 AND id = ?3 AND wrapped = ?4",
            params![key.tenant.as_str(), key.kind.as_str(), key.id, old, new],
        )?;
        Ok(changed == 1)
    })
}

pub(super) fn get(conn: &Connection, key: &SecretKey) -> Result<Option<Vec<u8>>, CoreError> {
    let mut query =
        conn.prepare_cached("SELECT wrapped FROM secrets WHERE tenant = ?1 AND kind = ?2 AND id = ?3")?;
    let found = query.query_row(params![key.tenant.as_str(), key.kind.as_str(), key.id], |row| row.get(0));
    Ok(found.optional()?)
}

pub(super) fn delete(conn: &mut Connection, key: &SecretKey) -> Result<bool, CoreError> {
    deleting(conn, |tx| {
        let deleted = tx.execute(
            "DELETE FROM secrets WHERE tenant = ?1 AND kind = ?2 AND id = ?3",
            params![key.tenant.as_str(), key.kind.as_str(), key.id],
        )?;
        Ok(deleted == 1)
    })
}

pub(super) fn list(
    conn: &Connection,
    tenant: &TenantId,
    kind: SecretKind,
) -> Result<Vec<(String, Vec<u8>)>, CoreError> {
    let mut query =
        conn.prepare_cached("SELECT id, wrapped FROM secrets WHERE tenant = ?1 AND kind = ?2 ORDER BY id")?;
    let rows =
        query.query_map(params![tenant.as_str(), kind.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
