//! The side data in memory.

use std::collections::btree_map;

use async_trait::async_trait;
use ledger::domain::Class;
use ledger::epochs::Predecessor;
use ledger::ids::{CommandId, SubjectId, TenantId};

use super::{Log, MemoryStore, State};
use crate::error::StoreError;
use crate::side::{
    AnchorSet, BlobId, LogInfo, PutOutcome, SecretKey, SecretKind, SideStore, StoredCheckpoint,
    StoredDisclosure,
};

impl Log {
    fn new(info: LogInfo, number: usize) -> Self {
        Self {
            info,
            number,
            active: None,
            leaves: Vec::new(),
            positions: Vec::new(),
            streams: Default::default(),
            commands: Default::default(),
            disclosures: Default::default(),
            checkpoint: None,
        }
    }
}

impl State {
    fn log_mut(&mut self, tenant: &TenantId) -> Result<&mut Log, StoreError> {
        self.writable()?;
        self.logs.get_mut(tenant).ok_or_else(|| StoreError::invalid(format!("tenant {tenant} has no log")))
    }
}

#[async_trait]
impl SideStore for MemoryStore {
    async fn put_log(&self, log: LogInfo) -> Result<PutOutcome, StoreError> {
        log.check()?;
        let mut state = self.state();
        state.writable()?;
        if state.logs.get(&log.tenant).is_some_and(|existing| existing.info == log) {
            return Ok(PutOutcome::Existing);
        }
        if let Some(taken) = state.logs.values().find(|existing| existing.info.collides(&log)) {
            return Err(log.taken(&taken.info));
        }
        let number = state.logs.len();
        state.logs.insert(log.tenant.clone(), Log::new(log, number));
        Ok(PutOutcome::Stored)
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        let mut logs: Vec<_> = self.state().logs.values().map(|log| log.info.clone()).collect();
        logs.sort_by_key(|log| log.slot);
        Ok(logs)
    }

    /// Memory has no past to lose.
    async fn succession(&self, _: &TenantId) -> Result<Option<Predecessor>, StoreError> {
        Ok(None)
    }

    async fn put_secret(&self, key: &SecretKey, wrapped: Vec<u8>) -> Result<PutOutcome, StoreError> {
        let mut state = self.state();
        state.writable()?;
        Ok(match state.secrets.entry(key.clone()) {
            btree_map::Entry::Occupied(_) => PutOutcome::Existing,
            btree_map::Entry::Vacant(place) => {
                place.insert(wrapped);
                PutOutcome::Stored
            }
        })
    }

    async fn rewrap_secret(&self, key: &SecretKey, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        let mut state = self.state();
        state.writable()?;
        let Some(kept) = state.secrets.get_mut(key).filter(|kept| **kept == old) else { return Ok(false) };
        *kept = new;
        Ok(true)
    }

    async fn secret(&self, key: &SecretKey) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().secrets.get(key).cloned())
    }

    async fn delete_secret(&self, key: &SecretKey) -> Result<bool, StoreError> {
        let mut state = self.state();
        state.writable()?;
        Ok(state.secrets.remove(key).is_some())
    }

    async fn secrets(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let state = self.state();
        let wanted = state.secrets.iter().filter(|(key, _)| key.tenant == *tenant && key.kind == kind);
        Ok(wanted.map(|(key, wrapped)| (key.id.clone(), wrapped.clone())).collect())
    }

    async fn disclosures(
        &self,
        tenant: &TenantId,
        indexes: &[u64],
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        let state = self.state();
        let Some(log) = state.logs.get(tenant) else { return Ok(Vec::new()) };
        let of = |index: &u64| {
            let kept = log.disclosures.get(index).map_or(&[][..], Vec::as_slice);
            let index = *index;
            kept.iter().map(move |d| StoredDisclosure { index, disclosure: d.clone() })
        };
        Ok(indexes.iter().flat_map(of).collect())
    }

    async fn disclosures_of(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
    ) -> Result<Vec<StoredDisclosure>, StoreError> {
        let state = self.state();
        let kept = state.logs.get(tenant).into_iter().flat_map(|log| &log.disclosures);
        let kept = kept.flat_map(|(index, kept)| kept.iter().map(move |disclosure| (*index, disclosure)));
        let of = kept.filter(|(_, kept)| matches!(&kept.class, Class::Personal(of) if of == subject));
        Ok(of.map(|(index, kept)| StoredDisclosure { index, disclosure: kept.clone() }).collect())
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        subject: &SubjectId,
        commands: &[CommandId],
    ) -> Result<Vec<u64>, StoreError> {
        let mut state = self.state();
        let log = state.log_mut(tenant)?;
        for command in commands {
            log.commands.remove(command);
        }
        let mut erased = Vec::new();
        for (index, kept) in &mut log.disclosures {
            let before = kept.len();
            kept.retain(|d| !matches!(&d.class, Class::Personal(of) if *of == *subject));
            if kept.len() < before {
                erased.push(*index);
            }
        }
        Ok(erased)
    }

    async fn put_blob(
        &self,
        tenant: &TenantId,
        id: &BlobId,
        ciphertext: Vec<u8>,
    ) -> Result<PutOutcome, StoreError> {
        let mut state = self.state();
        state.log_mut(tenant)?;
        let key = (tenant.clone(), id.clone());
        if state.blobs.contains_key(&key) {
            return Ok(PutOutcome::Existing);
        }
        state.blobs.insert(key, ciphertext);
        Ok(PutOutcome::Stored)
    }

    async fn blob(&self, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().blobs.get(&(tenant.clone(), id.clone())).cloned())
    }

    async fn delete_blob(&self, tenant: &TenantId, id: &BlobId) -> Result<bool, StoreError> {
        let mut state = self.state();
        state.writable()?;
        Ok(state.blobs.remove(&(tenant.clone(), id.clone())).is_some())
    }

    async fn put_checkpoint(
        &self,
        tenant: &TenantId,
        checkpoint: StoredCheckpoint,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let log = state.log_mut(tenant)?;
        checkpoint.follows(log.checkpoint.as_ref(), log.leaves.len() as u64)?;
        log.checkpoint = Some(checkpoint);
        Ok(())
    }

    async fn checkpoint(&self, tenant: &TenantId) -> Result<Option<StoredCheckpoint>, StoreError> {
        Ok(self.state().logs.get(tenant).and_then(|log| log.checkpoint.clone()))
    }

    async fn put_anchor(&self, anchor: AnchorSet) -> Result<PutOutcome, StoreError> {
        let mut state = self.state();
        state.writable()?;
        if let Some(kept) = state.anchors.get(&anchor.root) {
            return anchor.same_as(kept);
        }
        state.anchors.insert(anchor.root, anchor);
        Ok(PutOutcome::Stored)
    }

    async fn anchor(&self, root: &[u8; 32]) -> Result<Option<AnchorSet>, StoreError> {
        Ok(self.state().anchors.get(root).cloned())
    }
}
