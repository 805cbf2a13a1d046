//! What a copy needs, in memory.

use async_trait::async_trait;
use ledger::ids::{CommandId, TenantId};
use ledger::merkle::Hash;

use super::MemoryStore;
use crate::append::{Append, CommandReceipt, Verdict};
use crate::contract::EventStore;
use crate::custody::Custody;
use crate::error::StoreError;
use crate::portable::{Beside, IDS_MAX, Portable};
use crate::side::{BlobId, LogInfo};

#[async_trait]
impl Portable for MemoryStore {
    async fn identity(&self) -> Result<[u8; 16], StoreError> {
        Ok(self.state().identity)
    }

    async fn custody(&self) -> Result<Custody, StoreError> {
        Ok(self.state().custody.clone())
    }

    async fn change_custody(&self, from: &Custody, to: &Custody) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.custody != *from {
            return Ok(false);
        }
        state.custody = to.clone();
        Ok(true)
    }

    async fn logs_as_created(&self) -> Result<Vec<LogInfo>, StoreError> {
        let state = self.state();
        let mut logs: Vec<_> = state.logs.values().collect();
        logs.sort_by_key(|log| log.number);
        Ok(logs.into_iter().map(|log| log.info.clone()).collect())
    }

    async fn secret_owners(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut owners: Vec<_> = self.state().secrets.keys().map(|key| key.tenant.clone()).collect();
        owners.dedup();
        Ok(owners)
    }

    async fn commands(
        &self,
        tenant: &TenantId,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandReceipt)>, StoreError> {
        let state = self.state();
        let Some(log) = state.logs.get(tenant) else { return Ok(Vec::new()) };
        Ok(ids.iter().filter_map(|id| Some((id.clone(), *log.commands.get(id)?))).collect())
    }

    async fn blobs(&self, tenant: &TenantId, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        let state = self.state();
        let own = state.blobs.keys().filter(|(of, id)| of == tenant && after.is_none_or(|after| id > after));
        let mut ids: Vec<BlobId> = own.map(|(_, id)| id.clone()).collect();
        ids.sort();
        ids.truncate(IDS_MAX);
        Ok(ids)
    }

    async fn anchors(&self, after: Option<&Hash>) -> Result<Vec<Hash>, StoreError> {
        let state = self.state();
        let mut roots: Vec<Hash> =
            state.anchors.keys().filter(|root| after.is_none_or(|after| *root > after)).copied().collect();
        roots.sort_unstable();
        roots.truncate(IDS_MAX);
        Ok(roots)
    }

    async fn beside(&self, tenant: &TenantId) -> Result<Beside, StoreError> {
        let state = self.state();
        let Some(log) = state.logs.get(tenant) else { return Ok(Beside::default()) };
        let disclosures = log.disclosures.values().map(|kept| kept.len() as u64).sum();
        Ok(Beside { commands: log.commands.len() as u64, disclosures })
    }

    async fn append_in_order(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        self.append(appends).await
    }
}
