//! What a copy needs: what the store is to its ledger, and lists of what the contract gives by name.

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId};
use ledger::merkle::Hash;
use ledger_store::{
    Append, Beside, BlobId, CommandReceipt, Custody, IDS_MAX, LogInfo, Portable, StoreError, Verdict,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::core::Core;
use crate::error::CoreError;
use crate::store::SqliteStore;

/// A store from before there were copies lives where it is.
pub(crate) fn custody(conn: &Connection) -> Result<Custody, CoreError> {
    let text: Option<Vec<u8>> =
        conn.query_row("SELECT value FROM meta WHERE key = 'custody'", [], |row| row.get(0)).optional()?;
    let Some(text) = text else { return Ok(Custody::default()) };
    let read = std::str::from_utf8(&text).ok().and_then(Custody::parse);
    read.ok_or_else(|| CoreError::Corrupt("what the store is to its ledger cannot be read".to_owned()))
}

fn change(core: &mut Core, from: &Custody, to: &Custody) -> Result<bool, CoreError> {
    if custody(&core.conn)? != *from {
        return Ok(false);
    }
    core.conn.execute(
        "INSERT INTO meta (key, value) VALUES ('custody', ?1)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![to.text().into_bytes()],
    )?;
    core.custody = to.clone();
    Ok(true)
}

fn log_number(conn: &Connection, tenant: &TenantId) -> Result<Option<i64>, CoreError> {
    Ok(crate::read::log(conn, tenant)?.map(|log| log.id))
}

fn tenant(text: String) -> Result<TenantId, CoreError> {
    TenantId::new(text).map_err(|error| CoreError::Corrupt(error.to_string()))
}

fn logs_as_created(conn: &Connection) -> Result<Vec<LogInfo>, CoreError> {
    let mut query = conn.prepare_cached("SELECT tenant, slot, origin FROM logs ORDER BY log")?;
    let mut rows = query.query([])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        logs.push(LogInfo { tenant: tenant(row.get(0)?)?, slot: row.get(1)?, origin: row.get(2)? });
    }
    Ok(logs)
}

fn secret_owners(conn: &Connection) -> Result<Vec<TenantId>, CoreError> {
    let mut query = conn.prepare_cached("SELECT DISTINCT tenant FROM secrets ORDER BY tenant")?;
    let rows = query.query_map([], |row| row.get(0))?;
    rows.map(|row| tenant(row?)).collect()
}

fn commands(
    conn: &Connection,
    tenant: &TenantId,
    ids: &[CommandId],
) -> Result<Vec<(CommandId, CommandReceipt)>, CoreError> {
    let mut found = Vec::new();
    for id in ids {
        let receipt = crate::read::command(conn, tenant, id)?;
        found.extend(receipt.map(|receipt| (id.clone(), receipt)));
    }
    Ok(found)
}

fn anchors(conn: &Connection, after: Option<&Hash>) -> Result<Vec<Hash>, CoreError> {
    // Every root is above nothing.
    let after = after.map_or(&[][..], |after| &after[..]);
    let mut query = conn.prepare_cached("SELECT root FROM anchors WHERE root > ?1 ORDER BY root LIMIT ?2")?;
    let rows = query.query_map(params![after, IDS_MAX], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn beside(conn: &Connection, tenant: &TenantId) -> Result<Beside, CoreError> {
    let Some(log) = log_number(conn, tenant)? else { return Ok(Beside::default()) };
    let count = |sql: &str| conn.prepare_cached(sql)?.query_row(params![log], |row| row.get(0));
    Ok(Beside {
        commands: count("SELECT count(*) FROM commands WHERE log = ?1")?,
        disclosures: count("SELECT count(*) FROM disclosures WHERE log = ?1")?,
    })
}

#[async_trait]
impl Portable for SqliteStore {
    async fn identity(&self) -> Result<[u8; 16], StoreError> {
        self.readers
            .run(|conn| {
                let sql = "SELECT value FROM meta WHERE key = 'store'";
                Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
            })
            .await
    }

    async fn custody(&self) -> Result<Custody, StoreError> {
        self.readers.run(custody).await
    }

    async fn change_custody(&self, from: &Custody, to: &Custody) -> Result<bool, StoreError> {
        let (from, to) = (from.clone(), to.clone());
        // Whatever it is: a sealed store refuses all other changes.
        self.change(move |core| change(core, &from, &to)).await
    }

    async fn logs_as_created(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.readers.run(logs_as_created).await
    }

    async fn secret_owners(&self) -> Result<Vec<TenantId>, StoreError> {
        self.readers.run(secret_owners).await
    }

    async fn commands(
        &self,
        tenant: &TenantId,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandReceipt)>, StoreError> {
        let (tenant, ids) = (tenant.clone(), ids.to_vec());
        self.readers.run(move |conn| commands(conn, &tenant, &ids)).await
    }

    async fn blobs(&self, tenant: &TenantId, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        self.blobs.list(tenant, after).await
    }

    async fn anchors(&self, after: Option<&Hash>) -> Result<Vec<Hash>, StoreError> {
        let after = after.copied();
        self.readers.run(move |conn| anchors(conn, after.as_ref())).await
    }

    async fn beside(&self, tenant: &TenantId) -> Result<Beside, StoreError> {
        let tenant = tenant.clone();
        self.readers.run(move |conn| beside(conn, &tenant)).await
    }

    async fn append_in_order(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        self.request(appends, Order::AsGiven).await
    }
}

/// In which order a commit takes its appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Tenant by tenant: each log's events of one commit lie together.
    ByTenant,
    /// As they were given, alone in their commit.
    AsGiven,
}
