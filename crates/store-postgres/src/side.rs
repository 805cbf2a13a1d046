//! Side data.
//!
//! Deleting a row leaves its bytes in the table's pages until VACUUM; `erase` and `delete_secret` run one. What
//! counts is the key: a disclosure without its data key is noise, in backups and in the server's log too.

use async_trait::async_trait;
use ledger::disclosure::SealedDisclosure;
use ledger::domain::Class;
use ledger::epochs::Predecessor;
use ledger::ids::{CommandId, SubjectId, TenantId};
use ledger::merkle::EMPTY_ROOT;
use ledger_store::{
    AnchorLeaf, AnchorSet, BlobId, LogInfo, PutOutcome, SecretKey, SecretKind, SideStore, StoreError,
    StoredCheckpoint, StoredDisclosure,
};
use tokio_postgres::{Client, Row};

use crate::error::PgError;
use crate::guard::refuse;
use crate::rows::{signed, unsigned};
use crate::store::{PostgresStore, asked};

fn stored(rows: u64) -> PutOutcome {
    if rows == 0 { PutOutcome::Existing } else { PutOutcome::Stored }
}

pub(crate) fn info(row: &Row) -> Result<LogInfo, PgError> {
    let tenant = TenantId::new(row.get::<_, &str>(0)).map_err(|error| PgError::Corrupt(error.to_string()))?;
    let slot: Option<i32> = row.get(1);
    let slot = slot.map(u32::try_from).transpose();
    let slot = slot.map_err(|_| PgError::Corrupt(format!("the slot of tenant {tenant} is negative")))?;
    Ok(LogInfo { tenant, slot, origin: row.get(2) })
}

async fn logs(client: &Client) -> Result<Vec<LogInfo>, PgError> {
    let sql = "SELECT tenant, slot, origin FROM logs ORDER BY slot NULLS FIRST";
    client.query(sql, &[]).await?.iter().map(info).collect()
}

/// Several processes may create logs at once: the rules are checked again after a refusal by the database.
async fn put_log(client: &Client, log: &LogInfo) -> Result<PutOutcome, PgError> {
    let invalid = |error: StoreError| PgError::Invalid(error.to_string());
    log.check().map_err(invalid)?;
    let slot = log.slot.map(i32::try_from).transpose();
    let slot = slot.map_err(|_| PgError::Invalid("a slot is below 2^31".to_owned()))?;
    let sql = "INSERT INTO logs (log, tenant, slot, origin, root)
               SELECT coalesce(max(log), 0) + 1, $1, $2, $3, $4 FROM logs ON CONFLICT DO NOTHING";
    loop {
        let existing = logs(client).await?;
        if existing.contains(log) {
            return Ok(PutOutcome::Existing);
        }
        if let Some(taken) = existing.iter().find(|existing| existing.collides(log)) {
            return Err(invalid(log.taken(taken)));
        }
        let root = &EMPTY_ROOT[..];
        if client.execute(sql, &[&log.tenant.as_str(), &slot, &log.origin, &root]).await? == 1 {
            return Ok(PutOutcome::Stored);
        }
    }
}

fn disclosure(row: &Row) -> Result<StoredDisclosure, PgError> {
    let class = match row.get::<_, Option<&str>>(1) {
        None => Class::Confidential,
        Some(subject) => {
            Class::Personal(SubjectId::new(subject).map_err(|error| PgError::Corrupt(error.to_string()))?)
        }
    };
    let disclosure = SealedDisclosure { class, ciphertext: row.get(2) };
    Ok(StoredDisclosure { index: unsigned(row.get(0))?, disclosure })
}

async fn disclosures(
    client: &Client,
    tenant: &TenantId,
    indexes: &[u64],
) -> Result<Vec<StoredDisclosure>, PgError> {
    let indexes: Vec<i64> = indexes.iter().map(|index| signed(*index)).collect();
    let sql = "SELECT d.idx, d.subject, d.ciphertext
               FROM unnest($2::bigint[]) WITH ORDINALITY AS w (idx, place)
               JOIN logs l ON l.tenant = $1 JOIN disclosures d ON d.log = l.log AND d.idx = w.idx
               ORDER BY w.place, d.number";
    client.query(sql, &[&tenant.as_str(), &indexes]).await?.iter().map(disclosure).collect()
}

async fn disclosures_of(
    client: &Client,
    tenant: &TenantId,
    subject: &SubjectId,
) -> Result<Vec<StoredDisclosure>, PgError> {
    let sql = "SELECT d.idx, d.subject, d.ciphertext FROM disclosures d JOIN logs l ON d.log = l.log
               WHERE l.tenant = $1 AND d.subject = $2 ORDER BY d.idx, d.number";
    client.query(sql, &[&tenant.as_str(), &subject.as_str()]).await?.iter().map(disclosure).collect()
}

async fn erase(
    client: &Client,
    tenant: &TenantId,
    subject: &SubjectId,
    commands: &[CommandId],
) -> Result<Vec<u64>, PgError> {
    let Some(log) = crate::read::log(client, tenant).await? else {
        return Err(PgError::Invalid(format!("tenant {tenant} has no log")));
    };
    let ids: Vec<&str> = commands.iter().map(CommandId::as_str).collect();
    // One statement, one transaction.
    let sql = "WITH forgotten AS (DELETE FROM commands WHERE log = $1 AND id = ANY($3))
               DELETE FROM disclosures WHERE log = $1 AND subject = $2 RETURNING idx";
    let rows = client.query(sql, &[&log.id, &subject.as_str(), &ids]).await?;
    let mut indexes = rows.iter().map(|row| unsigned(row.get(0))).collect::<Result<Vec<u64>, _>>()?;
    indexes.sort_unstable();
    indexes.dedup();
    client.batch_execute("VACUUM disclosures, commands").await?;
    Ok(indexes)
}

async fn put_checkpoint(
    client: &Client,
    tenant: &TenantId,
    checkpoint: &StoredCheckpoint,
) -> Result<(), PgError> {
    let Some(log) = crate::read::log(client, tenant).await? else {
        return Err(PgError::Invalid(format!("tenant {tenant} has no log")));
    };
    let sql = "INSERT INTO checkpoints (log, size, note) VALUES ($1, $2, $3)
               ON CONFLICT (log) DO UPDATE SET size = excluded.size, note = excluded.note
               WHERE checkpoints.size <= excluded.size";
    let invalid = |error: StoreError| PgError::Invalid(error.to_string());
    loop {
        let latest = latest_checkpoint(client, tenant).await?;
        checkpoint.follows(latest.as_ref(), log.size).map_err(invalid)?;
        // Nothing was written: another process has kept a larger one meanwhile.
        if client.execute(sql, &[&log.id, &signed(checkpoint.size), &checkpoint.note]).await? == 1 {
            return Ok(());
        }
    }
}

async fn latest_checkpoint(client: &Client, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, PgError> {
    let sql = "SELECT c.size, c.note FROM checkpoints c JOIN logs USING (log) WHERE tenant = $1";
    let Some(row) = client.query_opt(sql, &[&tenant.as_str()]).await? else { return Ok(None) };
    Ok(Some(StoredCheckpoint { size: unsigned(row.get(0))?, note: row.get(1) }))
}

async fn put_anchor(client: &Client, anchor: &AnchorSet) -> Result<PutOutcome, PgError> {
    let root = &anchor.root[..];
    let slots = anchor.leaves.iter().map(|leaf| i32::try_from(leaf.slot)).collect::<Result<Vec<i32>, _>>();
    let slots = slots.map_err(|_| PgError::Invalid("a slot is below 2^31".to_owned()))?;
    let texts: Vec<&str> = anchor.leaves.iter().map(|leaf| leaf.text.as_str()).collect();
    let sql = "WITH new AS (INSERT INTO anchors (root) VALUES ($1) ON CONFLICT DO NOTHING RETURNING root),
                    leaves AS (INSERT INTO anchor_leaves (root, slot, text)
                               SELECT new.root, w.slot, w.text
                               FROM new, unnest($2::integer[], $3::text[]) AS w (slot, text))
               SELECT count(*) FROM new";
    let new: i64 = client.query_one(sql, &[&root, &slots, &texts]).await?.get(0);
    if new == 1 {
        return Ok(PutOutcome::Stored);
    }
    let kept = anchor_of(client, &anchor.root).await?;
    let kept = kept.ok_or_else(|| PgError::Corrupt("an anchor that was there is gone".to_owned()))?;
    anchor.same_as(&kept).map_err(|error| PgError::Invalid(error.to_string()))
}

async fn anchor_of(client: &Client, root: &[u8; 32]) -> Result<Option<AnchorSet>, PgError> {
    let sql = "SELECT l.slot, l.text FROM anchors a LEFT JOIN anchor_leaves l USING (root)
               WHERE a.root = $1 ORDER BY l.slot";
    let rows = client.query(sql, &[&&root[..]]).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let leaf = |row: &Row| {
        let slot: Option<i32> = row.get(0);
        slot.map(|slot| {
            Ok(AnchorLeaf { slot: u32::try_from(slot).map_err(|_| negative())?, text: row.get(1) })
        })
    };
    let leaves = rows.iter().filter_map(leaf).collect::<Result<_, PgError>>()?;
    Ok(Some(AnchorSet { root: *root, leaves }))
}

fn negative() -> PgError {
    PgError::Corrupt("a slot is negative".to_owned())
}

async fn delete_secret(client: &Client, key: &SecretKey) -> Result<bool, PgError> {
    let sql = "DELETE FROM secrets WHERE tenant = $1 AND kind = $2 AND id = $3";
    let deleted = client.execute(sql, &[&key.tenant.as_str(), &key.kind.as_str(), &key.id]).await? == 1;
    client.batch_execute("VACUUM secrets").await?;
    Ok(deleted)
}

#[async_trait]
impl SideStore for PostgresStore {
    async fn put_log(&self, log: LogInfo) -> Result<PutOutcome, StoreError> {
        asked(put_log(&*self.client().await?, &log).await)
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        asked(logs(&*self.client().await?).await)
    }

    async fn succession(&self, tenant: &TenantId) -> Result<Option<Predecessor>, StoreError> {
        asked(crate::recover::succession(&*self.client().await?, tenant).await)
    }

    async fn put_secret(&self, key: &SecretKey, wrapped: Vec<u8>) -> Result<PutOutcome, StoreError> {
        let sql =
            "INSERT INTO secrets (tenant, kind, id, wrapped) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let client = self.client().await?;
        let rows = client.execute(sql, &[&key.tenant.as_str(), &key.kind.as_str(), &key.id, &wrapped]).await;
        asked(rows.map(stored).map_err(PgError::from))
    }

    async fn rewrap_secret(&self, key: &SecretKey, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        let sql =
            "UPDATE secrets SET wrapped = $5 WHERE tenant = $1 AND kind = $2 AND id = $3 AND wrapped = $4";
        let client = self.client().await?;
        let (tenant, kind) = (key.tenant.as_str(), key.kind.as_str());
        let rows = client.execute(sql, &[&tenant, &kind, &key.id, &old, &new]).await;
        asked(rows.map(|rows| rows == 1).map_err(PgError::from))
    }

    async fn secret(&self, key: &SecretKey) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT wrapped FROM secrets WHERE tenant = $1 AND kind = $2 AND id = $3";
        let client = self.client().await?;
        let row = client.query_opt(sql, &[&key.tenant.as_str(), &key.kind.as_str(), &key.id]).await;
        asked(row.map(|row| row.map(|row| row.get(0))).map_err(PgError::from))
    }

    async fn delete_secret(&self, key: &SecretKey) -> Result<bool, StoreError> {
        asked(delete_secret(&*self.client().await?, key).await)
    }

    async fn secrets(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let sql = "SELECT id, wrapped FROM secrets WHERE tenant = $1 AND kind = $2 ORDER BY id";
        let client = self.client().await?;
        let rows = client.query(sql, &[&tenant.as_str(), &kind.as_str()]).await;
        let rows = asked(rows.map_err(PgError::from))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn disclosures(
        &self,
        tenant: &TenantId,
        indexes: &[u64],
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        asked(disclosures(&*self.client().await?, tenant, indexes).await)
    }

    async fn disclosures_of(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        asked(disclosures_of(&*self.client().await?, tenant, subject).await)
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
        commands: &[CommandId],
    ) -> Result<Vec<u64>, StoreError> {
        asked(erase(&*self.client().await?, tenant, subject, commands).await)
    }

    async fn put_blob(
        &self,
        tenant: &TenantId,
        id: &BlobId,
        ciphertext: Vec<u8>,
    ) -> Result<PutOutcome, StoreError> {
        let client = self.client().await?;
        if asked(crate::read::log(&client, tenant).await)?.is_none() {
            return Err(StoreError::invalid(format!("tenant {tenant} has no log")));
        }
        let sql = "INSERT INTO blobs (tenant, id, ciphertext) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let rows = client.execute(sql, &[&tenant.as_str(), &id.as_str(), &ciphertext]).await;
        asked(rows.map(stored).map_err(PgError::from))
    }

    async fn blob(&self, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT ciphertext FROM blobs WHERE tenant = $1 AND id = $2";
        let row = self.client().await?.query_opt(sql, &[&tenant.as_str(), &id.as_str()]).await;
        asked(row.map(|row| row.map(|row| row.get(0))).map_err(PgError::from))
    }

    async fn delete_blob(&self, tenant: &TenantId, id: &BlobId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM blobs WHERE tenant = $1 AND id = $2";
        let rows = self.client().await?.execute(sql, &[&tenant.as_str(), &id.as_str()]).await;
        asked(rows.map(|rows| rows == 1).map_err(PgError::from))
    }

    async fn put_checkpoint(
        &self,
        tenant: &TenantId,
        checkpoint: StoredCheckpoint,
    ) -> Result<(), StoreError> {
        let client = self.client().await?;
        if let Some(log) = asked(crate::read::log(&client, tenant).await)? {
            // The file first: commits go on meanwhile.
            let known = self.guard.head(log.id);
            if let Some(log) = asked(crate::read::log(&client, tenant).await)? {
                asked(refuse(known, &log))?;
            }
        }
        asked(put_checkpoint(&client, tenant, &checkpoint).await)?;
        asked(self.guard.sync())
    }

    async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, StoreError> {
        asked(latest_checkpoint(&*self.client().await?, tenant).await)
    }

    async fn put_anchor(&self, anchor: AnchorSet) -> Result<PutOutcome, StoreError> {
        asked(put_anchor(&*self.client().await?, &anchor).await)
    }

    async fn anchor(&self, root: &[u8; 32]) -> Result<Option<AnchorSet>, StoreError> {
        asked(anchor_of(&*self.client().await?, root).await)
    }
}
