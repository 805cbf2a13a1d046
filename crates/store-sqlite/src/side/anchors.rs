//! The leaves under anchors.

use ledger_store::{AnchorLeaf, AnchorSet, PutOutcome};
use rusqlite::{Connection, params};

use crate::error::CoreError;

pub(super) fn put(conn: &mut Connection, anchor: &AnchorSet) -> Result<PutOutcome, CoreError> {
    if let Some(kept) = get(conn, &anchor.root)? {
        return anchor.same_as(&kept).map_err(|error| CoreError::Invalid(error.to_string()));
    }
    let tx = conn.transaction()?;
    tx.execute("INSERT INTO anchors (root) VALUES (?1)", params![&anchor.root[..]])?;
    for leaf in &anchor.leaves {
        tx.prepare_cached("INSERT INTO anchor_leaves (root, slot, text) VALUES (?1, ?2, ?3)")?
            .execute(params![&anchor.root[..], leaf.slot, leaf.text])?;
    }
    tx.commit()?;
    Ok(PutOutcome::Stored)
}

pub(super) fn get(conn: &Connection, root: &[u8; 32]) -> Result<Option<AnchorSet>, CoreError> {
    if !conn.prepare_cached("SELECT 1 FROM anchors WHERE root = ?1")?.exists(params![&root[..]])? {
        return Ok(None);
    }
    let mut query =
        conn.prepare_cached("SELECT slot, text FROM anchor_leaves WHERE root = ?1 ORDER BY slot")?;
    let leaves =
        query.query_map(params![&root[..]], |row| Ok(AnchorLeaf { slot: row.get(0)?, text: row.get(1)? }))?;
    Ok(Some(AnchorSet { root: *root, leaves: leaves.collect::<Result<_, _>>()? }))
}
