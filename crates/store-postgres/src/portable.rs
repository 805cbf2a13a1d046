//! What a copy needs: what the database is to its ledger, and lists of what the contract gives by name.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId};
use ledger::merkle::Hash;
use ledger_store::{
    Access, Append, Beside, Birth, BlobId, CommandReceipt, Custody, EventStore, IDS_MAX, LogInfo, Portable,
    StoreError, Verdict,
};
use tokio_postgres::{Client, GenericClient};

use crate::connect::connect;
use crate::error::{OpenError, PgError};
use crate::rows::{array, signed, unsigned};
use crate::side::info;
use crate::store::{PostgresStore, asked};

/// What changes beside the log hold shared, and whoever changes the custody alone (migration 0003).
pub(crate) const CUSTODY_LOCK: i64 = 119_182_768_956_272;

pub(crate) async fn custody(client: &impl GenericClient) -> Result<Custody, PgError> {
    let text: String = client.query_one("SELECT custody FROM store", &[]).await?.get(0);
    Custody::parse(&text)
        .ok_or_else(|| PgError::Corrupt(format!("what the database is to its ledger is {text:?}")))
}

/// An empty database becomes what a ledger that comes from elsewhere arrives in; another stays as it is.
pub(crate) async fn be_born(client: &Client, birth: &Birth) -> Result<(), PgError> {
    let sql = "UPDATE store SET id = $1, custody = $2
               WHERE position = 0 AND custody LIKE 'live%' AND NOT EXISTS (SELECT 1 FROM logs)";
    client.execute(sql, &[&&birth.identity[..], &birth.custody.text()]).await?;
    Ok(())
}

/// A ledger is served where it lives alone.
pub(crate) async fn admit(client: &Client, access: Access) -> Result<(), OpenError> {
    let failed = |error: PgError| OpenError::Statement { what: "custody", reason: error.to_string() };
    let refusal = custody(client).await.map_err(failed)?.refusal(Access::Serve);
    match refusal {
        Some(reason) if access == Access::Serve => Err(OpenError::NotLive(reason)),
        _ => Ok(()),
    }
}

/// Waits for what is being written: after it nothing is, if it is sealed.
async fn change(client: &mut Client, from: &Custody, to: &Custody) -> Result<bool, PgError> {
    let tx = client.transaction().await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&CUSTODY_LOCK]).await?;
    tx.query_one("SELECT 1 FROM store FOR UPDATE", &[]).await?;
    if custody(&tx).await? != *from {
        return Ok(false);
    }
    tx.execute("UPDATE store SET custody = $1", &[&to.text()]).await?;
    tx.commit().await?;
    Ok(true)
}

async fn logs_as_created(client: &Client) -> Result<Vec<LogInfo>, PgError> {
    let rows = client.query("SELECT tenant, slot, origin FROM logs ORDER BY log", &[]).await?;
    rows.iter().map(info).collect()
}

async fn secret_owners(client: &Client) -> Result<Vec<TenantId>, PgError> {
    let rows = client.query("SELECT DISTINCT tenant FROM secrets ORDER BY tenant", &[]).await?;
    rows.iter()
        .map(|row| TenantId::new(row.get::<_, &str>(0)).map_err(|e| PgError::Corrupt(e.to_string())))
        .collect()
}

async fn commands(
    client: &Client,
    tenant: &TenantId,
    ids: &[CommandId],
) -> Result<Vec<(CommandId, CommandReceipt)>, PgError> {
    let by_text: BTreeMap<&str, &CommandId> = ids.iter().map(|id| (id.as_str(), id)).collect();
    let texts: Vec<&str> = by_text.keys().copied().collect();
    // LATERAL with OFFSET 0 keeps the planner from scanning the whole table.
    let sql = r#"SELECT c.id, c.mac, c.first_idx, c.last_idx, c.position
                 FROM unnest($2::text[]) AS w (id) JOIN logs l ON l.tenant = $1
                 CROSS JOIN LATERAL (SELECT * FROM commands
                     WHERE commands.log = l.log AND commands.id = w.id COLLATE "C" OFFSET 0) c"#;
    let mut found = Vec::new();
    for row in client.query(sql, &[&tenant.as_str(), &texts]).await? {
        let Some(id) = by_text.get(row.get::<_, &str>(0)) else { continue };
        let receipt = CommandReceipt {
            body_mac: array(row.get(1))?,
            first_index: unsigned(row.get(2))?,
            last_index: unsigned(row.get(3))?,
            position: unsigned(row.get(4))?,
        };
        found.push(((*id).clone(), receipt));
    }
    Ok(found)
}

async fn blobs(client: &Client, tenant: &TenantId, after: Option<&BlobId>) -> Result<Vec<BlobId>, PgError> {
    // Every id is above nothing.
    let after = after.map_or("", BlobId::as_str);
    let sql = "SELECT id FROM blobs WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
    let rows = client.query(sql, &[&tenant.as_str(), &after, &signed(IDS_MAX as u64)]).await?;
    rows.iter()
        .map(|row| {
            let id: &str = row.get(0);
            BlobId::new(id).ok_or_else(|| PgError::Corrupt(format!("a blob is called {id:?}")))
        })
        .collect()
}

async fn anchors(client: &Client, after: Option<&Hash>) -> Result<Vec<Hash>, PgError> {
    let after = after.map_or(&[][..], |after| &after[..]);
    let sql = "SELECT root FROM anchors WHERE root > $1 ORDER BY root LIMIT $2";
    let rows = client.query(sql, &[&after, &signed(IDS_MAX as u64)]).await?;
    rows.iter().map(|row| array(row.get(0))).collect()
}

async fn beside(client: &Client, tenant: &TenantId) -> Result<Beside, PgError> {
    let sql = "SELECT (SELECT count(*) FROM commands c WHERE c.log = l.log),
                      (SELECT count(*) FROM disclosures d WHERE d.log = l.log)
               FROM logs l WHERE l.tenant = $1";
    let Some(row) = client.query_opt(sql, &[&tenant.as_str()]).await? else { return Ok(Beside::default()) };
    Ok(Beside { commands: unsigned(row.get(0))?, disclosures: unsigned(row.get(1))? })
}

#[async_trait]
impl Portable for PostgresStore {
    async fn identity(&self) -> Result<[u8; 16], StoreError> {
        asked(crate::guard::store_id(&*self.client().await?).await)
    }

    async fn custody(&self) -> Result<Custody, StoreError> {
        asked(custody(&*self.client().await?).await)
    }

    async fn change_custody(&self, from: &Custody, to: &Custody) -> Result<bool, StoreError> {
        // A connection of its own: a transaction must not take others' statements in.
        let opened = connect(&self.options).await;
        let mut client = opened.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        asked(change(&mut client, from, to).await)
    }

    async fn logs_as_created(&self) -> Result<Vec<LogInfo>, StoreError> {
        asked(logs_as_created(&*self.client().await?).await)
    }

    async fn secret_owners(&self) -> Result<Vec<TenantId>, StoreError> {
        asked(secret_owners(&*self.client().await?).await)
    }

    async fn commands(
        &self,
        tenant: &TenantId,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandReceipt)>, StoreError> {
        asked(commands(&*self.client().await?, tenant, ids).await)
    }

    async fn blobs(&self, tenant: &TenantId, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        asked(blobs(&*self.client().await?, tenant, after).await)
    }

    async fn anchors(&self, after: Option<&Hash>) -> Result<Vec<Hash>, StoreError> {
        asked(anchors(&*self.client().await?, after).await)
    }

    async fn beside(&self, tenant: &TenantId) -> Result<Beside, StoreError> {
        asked(beside(&*self.client().await?, tenant).await)
    }

    /// The committer keeps the order of one call as it is.
    async fn append_in_order(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        self.append(appends).await
    }
}
