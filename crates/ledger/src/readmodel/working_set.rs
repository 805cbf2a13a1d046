//! The rows that are being folded: a write-back cache over stored rows, with undo for the event in hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cell::{Cell, Row};
use super::key::RowKey;
use super::memory::MemoryRows;
use super::rows::{Rows, SourceError};
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

#[derive(Debug, Default)]
struct TableSet {
    known: BTreeMap<RowKey, Known>,
    /// All stored rows are in `known` (resident tables, once they were touched).
    complete: bool,
    /// Rows written since the last [`WorkingSet::take_changes`]; resident tables need it to find the few among many.
    dirty: Vec<RowKey>,
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
    tenants: HashMap<TenantId, Vec<TableSet>>,
    undo: Vec<Undo>,
}

impl<S: RowSource> WorkingSet<S> {
    /// Nothing is loaded yet.
    pub fn new(schema: Arc<Schema>, source: S) -> Self {
        Self { schema, source, tenants: HashMap::new(), undo: Vec::new() }
    }

    /// Where stored rows come from.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// The rows of one tenant, for one fold. What the last fold did can no longer be undone.
    pub fn begin(&mut self, tenant: &TenantId) -> TenantRows<'_, S> {
        self.undo.clear();
        if !self.tenants.contains_key(tenant) {
            let tables = self.schema.tables().iter().map(|_| TableSet::default()).collect();
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

    /// Takes back everything since [`WorkingSet::begin`] of this tenant.
    pub fn roll_back(&mut self, tenant: &TenantId) {
        let Some(tables) = self.tenants.get_mut(tenant) else { return };
        for Undo { slot, key, before } in self.undo.drain(..).rev() {
            match before {
                Some(known) => tables[slot].known.insert(key, known),
                None => tables[slot].known.remove(&key),
            };
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
                let rows = if self.schema.tables()[slot].resident { set.settle() } else { set.empty() };
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
    /// Hands out the dirty rows and keeps them as clean ones.
    fn settle(&mut self) -> Vec<(RowKey, Change)> {
        let mut keys = std::mem::take(&mut self.dirty);
        keys.sort_unstable();
        keys.dedup();
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(known) = self.known.get_mut(&key) else { continue };
            let Known::Dirty(change) = known else { continue };
            let change = change.clone();
            match &change {
                Change::Put(row) => *known = Known::Clean(Some(row.clone())),
                Change::Delete(_) => {
                    self.known.remove(&key);
                }
            }
            rows.push((key, change));
        }
        rows
    }

    /// Hands out the dirty rows and forgets the rest.
    fn empty(&mut self) -> Vec<(RowKey, Change)> {
        self.dirty.clear();
        std::mem::take(&mut self.known)
            .into_iter()
            .filter_map(|(key, known)| match known {
                Known::Dirty(change) => Some((key, change)),
                Known::Clean(_) => None,
            })
            .collect()
    }
}

/// One tenant's rows, for one fold.
pub struct TenantRows<'a, S> {
    tenant: TenantId,
    schema: &'a Schema,
    source: &'a S,
    tables: &'a mut Vec<TableSet>,
    undo: &'a mut Vec<Undo>,
}

impl<S: RowSource> TenantRows<'_, S> {
    fn set(&mut self, slot: usize) -> Result<&mut TableSet, SourceError> {
        let set = &mut self.tables[slot];
        let table = self.schema.tables()[slot];
        if table.resident && !set.complete {
            for row in self.source.load_all(slot, &self.tenant)? {
                // A blind put may have come before the first look: it is the newer one.
                set.known.entry(table.key_of(&row)).or_insert(Known::Clean(Some(row)));
            }
            set.complete = true;
        }
        Ok(set)
    }

    fn change(&mut self, slot: usize, key: RowKey, change: Change) {
        let resident = self.schema.tables()[slot].resident;
        let set = &mut self.tables[slot];
        if resident {
            set.dirty.push(key.clone());
        }
        let before = set.known.insert(key.clone(), Known::Dirty(change));
        self.undo.push(Undo { slot, key, before });
    }
}

impl<S: RowSource> Rows for TenantRows<'_, S> {
    fn get(&mut self, table: &'static TableDef, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        let slot = self.schema.slot(table);
        let encoded = RowKey::of(key);
        let set = self.set(slot)?;
        if let Some(known) = set.known.get(&encoded) {
            return Ok(known.row().cloned());
        }
        if set.complete {
            return Ok(None);
        }
        let row = self.source.load(slot, &self.tenant, key)?;
        self.tables[slot].known.insert(encoded, Known::Clean(row.clone()));
        Ok(row)
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
        let set = self.set(self.schema.slot(table))?;
        Ok(set.known.range(from..to).filter_map(|(_, known)| known.row().cloned()).take(limit).collect())
    }
}
