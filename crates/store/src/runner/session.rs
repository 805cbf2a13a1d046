//! One owner's folding into one generation.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::readmodel::{Folder, LogState, Parsed, Poisoned, ReadModels, WorkingSet};

use super::RunError;
use super::feed::Batch;
use crate::views::{Generation, ViewCommit, ViewError};

/// What a commit stands for.
pub(super) struct Folded {
    /// The position of the last event.
    pub position: u64,
    /// The logs that moved on.
    pub logs: Vec<(TenantId, LogState)>,
    /// Quarantine entries that are new or hold back more.
    pub poisoned: Vec<Poisoned>,
}

/// Folds batches and commits them. After an error it must be dropped: its rows may hold half a batch.
pub(super) struct Session<M: ReadModels> {
    pub generation: Arc<dyn Generation>,
    pub position: u64,
    pub logs: HashMap<TenantId, LogState>,
    epoch: u64,
    folder: Folder<M>,
    working: WorkingSet<Arc<dyn Generation>>,
    /// What the events since the last commit have moved.
    moved: HashMap<TenantId, LogState>,
    poisoned: Vec<Poisoned>,
}

impl<M: ReadModels> Session<M> {
    /// Claims a generation.
    pub fn open(models: &Arc<M>, generation: Arc<dyn Generation>) -> Result<Self, ViewError> {
        let claim = generation.claim()?;
        Ok(Self {
            position: claim.position,
            logs: claim.logs,
            epoch: claim.epoch,
            folder: Folder::new(Arc::clone(models), claim.poisoned),
            working: WorkingSet::new(Arc::clone(models.schema()), Arc::clone(&generation)),
            generation,
            moved: HashMap::new(),
            poisoned: Vec::new(),
        })
    }

    /// Folds a batch without committing it.
    pub fn fold(&mut self, batch: &Batch<M::Event>) -> Result<(), RunError> {
        for Parsed { tenant, log, .. } in &batch.events {
            match self.moved.get_mut(tenant) {
                Some(moved) => *moved = *log,
                None => drop(self.moved.insert(tenant.clone(), *log)),
            }
        }
        for event in &batch.events {
            let poisoned = self.folder.fold(event, &mut self.working)?;
            self.poisoned.extend(poisoned);
        }
        self.position = batch.position;
        Ok(())
    }

    /// Commits what was folded.
    pub fn commit(&mut self) -> Result<Folded, RunError> {
        let mut logs: Vec<_> = self.moved.drain().collect();
        logs.sort_by(|a, b| a.0.cmp(&b.0));
        self.logs.extend(logs.iter().cloned());
        let poisoned = std::mem::take(&mut self.poisoned);
        self.generation.commit(ViewCommit {
            epoch: self.epoch,
            position: self.position,
            rows: self.working.take_changes(),
            logs: logs.clone(),
            poisoned: poisoned.clone(),
        })?;
        Ok(Folded { position: self.position, logs, poisoned })
    }

    /// Everything in quarantine.
    pub fn in_quarantine(&self) -> Vec<Poisoned> {
        self.folder.poisoned()
    }
}
