//! The rows that are being folded: a write-back cache over stored rows, with undo for the event in hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cell::{Cell, Row};
use super::key::RowKey;
use super::memory::MemoryRows;
use super::rows::{Rows, SourceError};
use super::run::Run;
use super::table::{Schema, TableDef};
use crate::ids::TenantId;

/// Where stored rows come from.
pub trait RowSource {
    /// The stored row with this key.
    ///
    /// # Errors
    /// It cannot be read.
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError>;

    /// Every stored row of a table.
    ///
    /// # Errors
    /// They cannot be read.
    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError>;
}

impl<S: RowSource + ?Sized> RowSource for Arc<S> {
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        (**self).load(slot, tenant, key)
    }

    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError> {
        (**self).load_all(slot, tenant)
    }
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The row as it is now.
    Put(Row),
    /// It is gone; the cells of its key.
    Delete(Row),
}

/// The changed rows of one table and tenant, in key order.
#[derive(Debug, Clone)]
pub struct TableChanges {
    /// Whose rows.
    pub tenant: TenantId,
    /// The table's slot in the schema.
    pub slot: usize,
    /// Each changed row once, in key order.
    pub rows: Vec<(RowKey, Change)>,
}

/// What the cache knows of one key.
#[derive(Debug, Clone)]
enum Known {
    /// As it is stored.
    Clean(Option<Row>),
    /// To be written.
    Dirty(Change),
}

impl Known {
    fn row(&self) -> Option<&Row> {
        match self {
            Self::Clean(row) => row.as_ref(),
            Self::Dirty(Change::Put(row)) => Some(row),
            Self::Dirty(Change::Delete(_)) => None,
        }
    }
}

/// What is known of one table.
#[derive(Debug)]
enum TableSet {
    /// Everything, once it was touched; the keys that were written since the last commit apart, to find the few among
    /// the many.
    Resident { known: BTreeMap<RowKey, Known>, complete: bool, dirty: Vec<RowKey> },
    /// What was touched since the last commit.
    Growing(Run<Known>),
}

struct Undo {
    slot: usize,
    key: RowKey,
    before: Option<Known>,
}

/// The rows of all tenants that are being folded.
///
/// Resident tables stay in memory whole; of the others only what was touched since the last commit is kept.
/// Memory is thus bounded by the size of a batch and by the number of things (controls, sources, probes).
pub struct WorkingSet<S> {
    schema: Arc<Schema>,
    source: S,
    tenants: HashMap<TenantId, Vec<TableSet>, foldhash::fast::RandomState>,
    undo: Vec<Undo>,
}

impl<S: RowSource> WorkingSet<S> {
    /// Nothing is loaded yet.
    pub fn new(schema: Arc<Schema>, source: S) -> Self {
        Self { schema, source, tenants: HashMap::default(), undo: Vec::new() }
    }

    /// Where stored rows come from.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// The rows of one tenant, for the folds of one event.
    pub fn rows(&mut self, tenant: &TenantId) -> TenantRows<'_, S> {
        self.undo.clear();
        if !self.tenants.contains_key(tenant) {
            let tables = self.schema.tables().iter().map(|table| TableSet::of(table)).collect();
            self.tenants.insert(tenant.clone(), tables);
        }
        let tables = self.tenants.get_mut(tenant).expect("inserted above");
        TenantRows {
            tenant: tenant.clone(),
            schema: &self.schema,
            source: &self.source,
            tables,
            undo: &mut self.undo,
        }
    }

    /// The changes since the last call, in the order of tenants, tables and keys. They count as stored from here on:
    /// if storing them fails, drop the working set and start from what is stored.
    pub fn take_changes(&mut self) -> Vec<TableChanges> {
        self.undo.clear();
        let mut tenants: Vec<_> = self.tenants.iter_mut().collect();
        tenants.sort_by(|a, b| a.0.cmp(b.0));
        let mut changes = Vec::new();
        for (tenant, tables) in tenants {
            for (slot, set) in tables.iter_mut().enumerate() {
                let rows = set.take_changes();
                if !rows.is_empty() {
                    changes.push(TableChanges { tenant: tenant.clone(), slot, rows });
                }
            }
        }
        changes
    }
}

impl WorkingSet<MemoryRows> {
    /// Moves the changes into the rows behind.
    pub fn settle(&mut self) {
        let changes = self.take_changes();
        self.source.apply(&changes);
    }
}

impl TableSet {
    fn of(table: &TableDef) -> Self {
        if table.resident {
            Self::Resident { known: BTreeMap::new(), complete: false, dirty: Vec::new() }
        } else {
            Self::Growing(Run::default())
        }
    }

    fn insert(&mut self, key: RowKey, new: Known) -> Option<Known> {
        match self {
            Self::Resident { known, .. } => known.insert(key, new),
            Self::Growing(run) => run.insert(key, new),
        }
    }

    fn undo(&mut self, key: &RowKey) {
        match self {
            Self::Resident { known, .. } => drop(known.remove(key)),
            Self::Growing(run) => run.undo(key),
        }
    }

    /// Hands out the changed rows. Resident rows stay as clean ones, others are forgotten.
    fn take_changes(&mut self) -> Vec<(RowKey, Change)> {
        match self {
            Self::Resident { known, dirty, .. } => settle(known, std::mem::take(dirty)),
            Self::Growing(run) => {
                let changed = |(key, known)| match known {
                    Known::Dirty(change) => Some((key, change)),
                    Known::Clean(_) => None,
                };
                run.take().into_iter().filter_map(changed).collect()
            }
        }
    }
}

fn settle(known: &mut BTreeMap<RowKey, Known>, mut keys: Vec<RowKey>) -> Vec<(RowKey, Change)> {
    keys.sort_unstable();
    keys.dedup();
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let Some(entry) = known.get_mut(&key) else { continue };
        let Known::Dirty(change) = entry else { continue };
        let change = change.clone();
        match &change {
            Change::Put(row) => *entry = Known::Clean(Some(row.clone())),
            Change::Delete(_) => drop(known.remove(&key)),
        }
        rows.push((key, change));
    }
    rows
}

/// One tenant's rows, for the folds of one event.
pub struct TenantRows<'a, S> {
    tenant: TenantId,
    schema: &'a Schema,
    source: &'a S,
    tables: &'a mut Vec<TableSet>,
    undo: &'a mut Vec<Undo>,
}

impl<S: RowSource> TenantRows<'_, S> {
    /// What was done so far can no longer be undone.
    pub fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes back everything since the last [`TenantRows::keep`].
    pub fn roll_back(&mut self) {
        for Undo { slot, key, before } in self.undo.drain(..).rev() {
            match before {
                Some(known) => drop(self.tables[slot].insert(key, known)),
                None => self.tables[slot].undo(&key),
            }
        }
    }

    /// All rows of a resident table.
    fn resident(&mut self, slot: usize) -> Result<Option<&BTreeMap<RowKey, Known>>, SourceError> {
        let TableSet::Resident { known, complete, .. } = &mut self.tables[slot] else { return Ok(None) };
        if !*complete {
            let table = self.schema.tables()[slot];
            for row in self.source.load_all(slot, &self.tenant)? {
                // A blind put may have come before the first look: it is the newer one.
                known.entry(table.key_of(&row)).or_insert(Known::Clean(Some(row)));
            }
            *complete = true;
        }
        Ok(Some(known))
    }

    fn change(&mut self, slot: usize, key: RowKey, change: Change) {
        if let TableSet::Resident { dirty, .. } = &mut self.tables[slot] {
            dirty.push(key.clone());
        }
        let before = self.tables[slot].insert(key.clone(), Known::Dirty(change));
        self.undo.push(Undo { slot, key, before });
    }
}

impl<S: RowSource> Rows for TenantRows<'_, S> {
    fn get(&mut self, table: &'static TableDef, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        let slot = self.schema.slot(table);
        let encoded = RowKey::of(key);
        if let Some(known) = self.resident(slot)? {
            return Ok(known.get(&encoded).and_then(Known::row).cloned());
        }
        let TableSet::Growing(run) = &mut self.tables[slot] else { return Ok(None) };
        if let Some(known) = run.get(&encoded) {
            return Ok(known.row().cloned());
        }
        self.source.load(slot, &self.tenant, key)
    }

    fn put(&mut self, table: &'static TableDef, row: Row) {
        let key = table.key_of(&row);
        self.change(self.schema.slot(table), key, Change::Put(row));
    }

    fn delete(&mut self, table: &'static TableDef, key: &[Cell]) {
        self.change(self.schema.slot(table), RowKey::of(key), Change::Delete(Row::new(key)));
    }

    fn scan(
        &mut self,
        table: &'static TableDef,
        prefix: &[Cell],
        limit: usize,
    ) -> Result<Vec<Row>, SourceError> {
        assert!(table.resident, "only resident tables are walked, and {} is not", table.name);
        let from = RowKey::of(prefix);
        let to = from.after_prefix();
        let Some(known) = self.resident(self.schema.slot(table))? else { return Ok(Vec::new()) };
        Ok(known.range(from..to).filter_map(|(_, known)| known.row().cloned()).take(limit).collect())
    }
}
