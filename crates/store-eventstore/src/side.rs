//! What lives beside the log: in the side store, but for disclosures, which the index has a copy of.

use async_trait::async_trait;
use ledger::epochs::Predecessor;
use ledger::ids::{CommandId, SubjectId, TenantId};
use ledger_store::{
    AnchorSet, BlobId, EventStore, LogInfo, PutOutcome, SecretKey, SecretKind, SideStore, StoreError,
    StoredCheckpoint, StoredDisclosure,
};
use serde::{Deserialize, Serialize};

use crate::annex;
use crate::error::Failure;
use crate::parts::Parts;
use crate::store::EventStoreDbStore;

/// The name of the record that holds a log's checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// A checkpoint as it is kept. The side store would hold it against a log of its own, and it has none.
#[derive(Serialize, Deserialize)]
struct Kept {
    size: u64,
    note: String,
}

impl Parts {
    async fn kept(&self, tenant: &TenantId) -> Result<Option<(Vec<u8>, StoredCheckpoint)>, StoreError> {
        let Some(bytes) = self.side.secret(&annex::key(tenant, CHECKPOINT)?).await? else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(&bytes)
            .map_err(|error| StoreError::corrupt(format!("the checkpoint of tenant {tenant}: {error}")))?;
        Ok(Some((bytes, StoredCheckpoint { size: kept.size, note: kept.note })))
    }

    pub async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, StoreError> {
        Ok(self.kept(tenant).await?.map(|(_, checkpoint)| checkpoint))
    }
}

#[async_trait]
impl SideStore for EventStoreDbStore {
    async fn put_log(&self, log: LogInfo) -> Result<PutOutcome, StoreError> {
        annex::check_name(&log.tenant)?;
        let outcome = self.parts.side.put_log(log.clone()).await?;
        self.parts.index.put_log(log).await?;
        Ok(outcome)
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.parts.side.logs().await
    }

    async fn succession(&self, tenant: &TenantId) -> Result<Option<Predecessor>, StoreError> {
        self.parts.side.succession(tenant).await
    }

    async fn put_secret(&self, key: &SecretKey, wrapped: Vec<u8>) -> Result<PutOutcome, StoreError> {
        self.parts.side.put_secret(key, wrapped).await
    }

    async fn rewrap_secret(&self, key: &SecretKey, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        self.parts.side.rewrap_secret(key, old, new).await
    }

    async fn secret(&self, key: &SecretKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.parts.side.secret(key).await
    }

    async fn delete_secret(&self, key: &SecretKey) -> Result<bool, StoreError> {
        self.parts.side.delete_secret(key).await
    }

    async fn secrets(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.parts.side.secrets(tenant, kind).await
    }

    async fn disclosures(
        &self,
        tenant: &TenantId,
        indexes: &[u64],
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        self.parts.index.disclosures(tenant, indexes).await
    }

    async fn disclosures_of(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        self.parts.index.disclosures_of(tenant, subject).await
    }

    /// Needs the server: it says which annexes the events have.
    async fn erase(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
        commands: &[CommandId],
    ) -> Result<Vec<u64>, StoreError> {
        let forgotten = self.parts.forget(tenant, subject, commands).await;
        forgotten.map_err(|failure: Failure| failure.nothing_happened())
    }

    async fn put_blob(
        &self,
        tenant: &TenantId,
        id: &BlobId,
        ciphertext: Vec<u8>,
    ) -> Result<PutOutcome, StoreError> {
        // The side store of SQLite does not ask whether there is such a log.
        if self.log_head(tenant).await?.is_none() {
            return Err(StoreError::invalid(format!("tenant {tenant} has no log")));
        }
        self.parts.side.put_blob(tenant, id, ciphertext).await
    }

    async fn blob(&self, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.parts.side.blob(tenant, id).await
    }

    async fn delete_blob(&self, tenant: &TenantId, id: &BlobId) -> Result<bool, StoreError> {
        self.parts.side.delete_blob(tenant, id).await
    }

    async fn put_checkpoint(
        &self,
        tenant: &TenantId,
        checkpoint: StoredCheckpoint,
    ) -> Result<(), StoreError> {
        let Some(head) = self.log_head(tenant).await? else {
            return Err(StoreError::invalid(format!("tenant {tenant} has no log")));
        };
        let key = annex::key(tenant, CHECKPOINT)?;
        loop {
            let latest = self.parts.kept(tenant).await?;
            checkpoint.follows(latest.as_ref().map(|(_, latest)| latest), head.size)?;
            let kept = Kept { size: checkpoint.size, note: checkpoint.note.clone() };
            let bytes = serde_json::to_vec(&kept).expect("text is JSON");
            let done = match latest {
                Some((old, _)) if old == bytes => true,
                Some((old, _)) => self.parts.side.rewrap_secret(&key, old, bytes).await?,
                None => self.parts.side.put_secret(&key, bytes).await? == PutOutcome::Stored,
            };
            // Else another process has signed meanwhile.
            if done {
                return Ok(());
            }
        }
    }

    async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, StoreError> {
        self.parts.checkpoint(tenant).await
    }

    async fn put_anchor(&self, anchor: AnchorSet) -> Result<PutOutcome, StoreError> {
        self.parts.side.put_anchor(anchor).await
    }

    async fn anchor(&self, root: &[u8; 32]) -> Result<Option<AnchorSet>, StoreError> {
        self.parts.side.anchor(root).await
    }
}
