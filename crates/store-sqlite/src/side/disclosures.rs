//! Disclosures, and destroying what must be forgotten.

use ledger::disclosure::SealedDisclosure;
use ledger::domain::Class;
use ledger::ids::{CommandId, SubjectId, TenantId};
use ledger_store::StoredDisclosure;
use rusqlite::{Connection, Transaction, params};

use crate::checkpointer::truncate;
use crate::core::disclosure_key;
use crate::error::CoreError;
use crate::query::run_of;

pub(super) fn of(
    conn: &Connection,
    tenant: &TenantId,
    indexes: &[u64],
) -> Result<Vec<StoredDisclosure>, CoreError> {
    let Some(log) = crate::read::log(conn, tenant)? else { return Ok(Vec::new()) };
    let mut query = conn.prepare_cached(
        "SELECT subject, ciphertext FROM disclosures WHERE disclosure BETWEEN ?1 AND ?2 ORDER BY disclosure",
    )?;
    let mut found = Vec::new();
    for index in indexes.iter().copied().filter(|index| *index < log.size) {
        let Some(run) = run_of(conn, log.id, index)? else { continue };
        let position = run.position + (index - run.index);
        let mut rows = query.query(params![disclosure_key(position, 0), disclosure_key(position, 255)])?;
        while let Some(row) = rows.next()? {
            let class = match row.get::<_, Option<String>>(0)? {
                None => Class::Confidential,
                Some(subject) => Class::Personal(
                    SubjectId::new(subject).map_err(|error| CoreError::Corrupt(error.to_string()))?,
                ),
            };
            let disclosure = SealedDisclosure { class, ciphertext: row.get(1)? };
            found.push(StoredDisclosure { index, disclosure });
        }
    }
    Ok(found)
}

pub(super) fn of_subject(
    conn: &Connection,
    tenant: &TenantId,
    subject: &SubjectId,
) -> Result<Vec<StoredDisclosure>, CoreError> {
    let Some(log) = crate::read::log(conn, tenant)? else { return Ok(Vec::new()) };
    let mut query = conn.prepare_cached(
        "SELECT idx, ciphertext FROM disclosures WHERE log = ?1 AND subject = ?2 ORDER BY disclosure",
    )?;
    let rows = query.query_map(params![log.id, subject.as_str()], |row| {
        let disclosure =
            SealedDisclosure { class: Class::Personal(subject.clone()), ciphertext: row.get(1)? };
        Ok(StoredDisclosure { index: row.get(0)?, disclosure })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn erase(
    conn: &mut Connection,
    tenant: &TenantId,
    subject: &SubjectId,
    commands: &[CommandId],
) -> Result<Vec<u64>, CoreError> {
    let Some(log) = crate::read::log(conn, tenant)? else {
        return Err(CoreError::Invalid(format!("tenant {tenant} has no log")));
    };
    deleting(conn, |tx| {
        for command in commands {
            tx.prepare_cached("DELETE FROM commands WHERE log = ?1 AND id = ?2")?
                .execute(params![log.id, command.as_str()])?;
        }
        let mut query =
            tx.prepare("DELETE FROM disclosures WHERE log = ?1 AND subject = ?2 RETURNING idx")?;
        let rows = query.query_map(params![log.id, subject.as_str()], |row| row.get(0))?;
        let mut indexes: Vec<u64> = rows.collect::<Result<_, _>>()?;
        indexes.sort_unstable();
        indexes.dedup();
        Ok(indexes)
    })
}

/// Runs a change whose old bytes must not stay behind: overwritten in the database's pages, and the WAL, which
/// holds earlier versions of them, emptied and cut.
///
/// `secure_delete` is on for this transaction alone: appends free no pages that held secrets.
pub(super) fn deleting<T>(
    conn: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> Result<T, CoreError>,
) -> Result<T, CoreError> {
    conn.pragma_update(None, "secure_delete", true)?;
    let outcome = transact(conn, change);
    conn.pragma_update(None, "secure_delete", false)?;
    let value = outcome?;
    if !truncate(conn)? {
        return Err(CoreError::Io(std::io::Error::other(
            "a reader holds the write-ahead log, which still has the old bytes; do it again",
        )));
    }
    Ok(value)
}

fn transact<T>(
    conn: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> Result<T, CoreError>,
) -> Result<T, CoreError> {
    let tx = conn.transaction()?;
    let value = change(&tx)?;
    tx.commit()?;
    Ok(value)
}
