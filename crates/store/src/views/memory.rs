//! Read models in memory, for tests and simulations: what every backend is held against.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ledger::ids::{StreamId, TenantId};
use ledger::readmodel::{
    Cell, LogState, MemoryRows, Page, Poisoned, Query, Row, RowSource, Schema, SourceError, TableDef, degrade,
};

use super::contract::{Claim, Generation, Progress, TenantDigests, ViewCommit, ViewStore};
use super::error::ViewError;

/// Read models in memory.
pub struct MemoryViews {
    schema: Arc<Schema>,
    current: RwLock<Option<Arc<dyn Generation>>>,
}

impl MemoryViews {
    /// Nothing is built yet.
    pub fn new(schema: Arc<Schema>) -> Self {
        Self { schema, current: RwLock::new(None) }
    }
}

impl ViewStore for MemoryViews {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn current(&self) -> Option<Arc<dyn Generation>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self) -> Result<Arc<dyn Generation>, ViewError> {
        Ok(Arc::new(MemoryGeneration {
            schema: Arc::clone(&self.schema),
            state: Mutex::new(State {
                rows: MemoryRows::new(Arc::clone(&self.schema)),
                epoch: 0,
                position: 0,
                logs: HashMap::new(),
                poisoned: HashMap::new(),
            }),
        }))
    }

    fn settle(&self, _generation: &Arc<dyn Generation>) -> Result<(), ViewError> {
        Ok(())
    }

    fn publish(&self, generation: Arc<dyn Generation>) -> Result<(), ViewError> {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(generation);
        Ok(())
    }
}

struct MemoryGeneration {
    schema: Arc<Schema>,
    state: Mutex<State>,
}

struct State {
    rows: MemoryRows,
    epoch: u64,
    position: u64,
    logs: HashMap<TenantId, LogState>,
    poisoned: HashMap<(String, TenantId, StreamId), Poisoned>,
}

impl MemoryGeneration {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowSource for MemoryGeneration {
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        self.state().rows.load(slot, tenant, key)
    }

    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError> {
        self.state().rows.load_all(slot, tenant)
    }
}

impl Generation for MemoryGeneration {
    fn claim(&self) -> Result<Claim, ViewError> {
        let mut state = self.state();
        state.epoch += 1;
        let State { epoch, position, logs, poisoned, .. } = &*state;
        let poisoned = poisoned.values().cloned().collect();
        Ok(Claim { epoch: *epoch, position: *position, logs: logs.clone(), poisoned })
    }

    fn commit(&self, commit: ViewCommit) -> Result<(), ViewError> {
        let mut state = self.state();
        if commit.epoch != state.epoch {
            return Err(ViewError::Fenced { stored: state.epoch, held: commit.epoch });
        }
        state.rows.apply(&commit.rows);
        state.position = commit.position;
        state.logs.extend(commit.logs);
        for entry in commit.poisoned {
            let place = (entry.projection.clone(), entry.tenant.clone(), entry.stream.clone());
            state.poisoned.insert(place, entry);
        }
        Ok(())
    }

    fn progress(&self, since: u64) -> Result<Progress, ViewError> {
        let State { position, logs, poisoned, .. } = &*self.state();
        if *position == since {
            return Ok(Progress { position: since, ..Progress::default() });
        }
        let logs = logs.iter().map(|(tenant, log)| (tenant.clone(), *log)).collect();
        Ok(Progress {
            position: *position,
            whole: true,
            logs,
            poisoned: poisoned.values().cloned().collect(),
        })
    }

    fn query(&self, query: &Query) -> Result<Page, ViewError> {
        Ok(self.state().rows.query(query)?)
    }

    fn row(
        &self,
        table: &'static TableDef,
        tenant: &TenantId,
        key: &[Cell],
    ) -> Result<Option<Row>, ViewError> {
        Ok(self.load(self.schema.slot(table), tenant, key)?)
    }

    fn digests(&self, tenant: &TenantId) -> Result<TenantDigests, ViewError> {
        let state = self.state();
        let mut digests = state.rows.digests(tenant);
        let poisoned: Vec<_> = state.poisoned.values().cloned().collect();
        degrade(&mut digests, tenant, &poisoned);
        Ok(TenantDigests { log: state.logs.get(tenant).copied().unwrap_or_default(), digests })
    }
}
