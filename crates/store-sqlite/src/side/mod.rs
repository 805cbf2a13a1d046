//! Side data: changed by the committer's thread between two commits, read by the readers.

mod anchors;
mod blobs;
mod checkpoints;
mod disclosures;
mod logs;
mod secrets;

use async_trait::async_trait;
use ledger::epochs::Predecessor;
use ledger::ids::{CommandId, SubjectId, TenantId};
use ledger_store::{
    AnchorSet, BlobId, LogInfo, PutOutcome, SecretKey, SecretKind, SideStore, StoreError, StoredCheckpoint,
    StoredDisclosure,
};

use crate::store::SqliteStore;

pub(crate) use blobs::Blobs;

#[async_trait]
impl SideStore for SqliteStore {
    async fn put_log(&self, log: LogInfo) -> Result<PutOutcome, StoreError> {
        self.side(move |core| logs::put(core, &log)).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.readers.run(logs::read).await
    }

    async fn succession(&self, tenant: &TenantId) -> Result<Option<Predecessor>, StoreError> {
        let tenant = tenant.clone();
        self.readers.run(move |conn| logs::succession(conn, &tenant)).await
    }

    async fn put_secret(&self, key: &SecretKey, wrapped: Vec<u8>) -> Result<PutOutcome, StoreError> {
        let key = key.clone();
        self.side(move |core| secrets::put(&core.conn, &key, &wrapped)).await
    }

    async fn rewrap_secret(&self, key: &SecretKey, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        let key = key.clone();
        self.side(move |core| secrets::rewrap(&mut core.conn, &key, &old, &new)).await
    }

    async fn secret(&self, key: &SecretKey) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.clone();
        self.readers.run(move |conn| secrets::get(conn, &key)).await
    }

    async fn delete_secret(&self, key: &SecretKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.side(move |core| secrets::delete(&mut core.conn, &key)).await
    }

    async fn secrets(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let tenant = tenant.clone();
        self.readers.run(move |conn| secrets::list(conn, &tenant, kind)).await
    }

    async fn disclosures(
        &self,
        tenant: &TenantId,
        indexes: &[u64],
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        let (tenant, indexes) = (tenant.clone(), indexes.to_vec());
        self.readers.run(move |conn| disclosures::of(conn, &tenant, &indexes)).await
    }

    async fn disclosures_of(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        let (tenant, subject) = (tenant.clone(), subject.clone());
        self.readers.run(move |conn| disclosures::of_subject(conn, &tenant, &subject)).await
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
        commands: &[CommandId],
    ) -> Result<Vec<u64>, StoreError> {
        let (tenant, subject, commands) = (tenant.clone(), subject.clone(), commands.to_vec());
        self.side(move |core| disclosures::erase(&mut core.conn, &tenant, &subject, &commands)).await
    }

    async fn put_blob(
        &self,
        tenant: &TenantId,
        id: &BlobId,
        ciphertext: Vec<u8>,
    ) -> Result<PutOutcome, StoreError> {
        let known = tenant.clone();
        if !self.readers.run(move |conn| Ok(crate::read::log(conn, &known)?.is_some())).await? {
            return Err(StoreError::invalid(format!("tenant {tenant} has no log")));
        }
        self.blobs.put(tenant, id, ciphertext).await
    }

    async fn blob(&self, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        self.blobs.get(tenant, id).await
    }

    async fn delete_blob(&self, tenant: &TenantId, id: &BlobId) -> Result<bool, StoreError> {
        self.blobs.delete(tenant, id).await
    }

    async fn put_checkpoint(
        &self,
        tenant: &TenantId,
        checkpoint: StoredCheckpoint,
    ) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.side(move |core| checkpoints::put(core, &tenant, &checkpoint)).await
    }

    async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, StoreError> {
        let tenant = tenant.clone();
        self.readers.run(move |conn| checkpoints::latest(conn, &tenant)).await
    }

    async fn put_anchor(&self, anchor: AnchorSet) -> Result<PutOutcome, StoreError> {
        self.side(move |core| anchors::put(&mut core.conn, &anchor)).await
    }

    async fn anchor(&self, root: &[u8; 32]) -> Result<Option<AnchorSet>, StoreError> {
        let root = *root;
        self.readers.run(move |conn| anchors::get(conn, &root)).await
    }
}
