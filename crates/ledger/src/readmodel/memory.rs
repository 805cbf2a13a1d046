//! Rows in memory: for the offline replay, for tests, and the plain meaning that every backend is held against.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::cell::{Cell, Row};
use super::digest::{Digester, ProjectionDigest};
use super::key::RowKey;
use super::query::{Page, Query, QueryError};
use super::rows::{Rows, SourceError};
use super::table::{Schema, TableDef};
use super::working_set::{Change, RowSource, TableChanges};
use crate::ids::TenantId;

type Tables = Vec<BTreeMap<RowKey, Row>>;

/// All rows of all tenants, in memory.
#[derive(Debug, Clone)]
pub struct MemoryRows {
    schema: Arc<Schema>,
    tenants: HashMap<TenantId, Tables>,
}

impl MemoryRows {
    /// No rows.
    pub fn new(schema: Arc<Schema>) -> Self {
        Self { schema, tenants: HashMap::new() }
    }

    /// The tenants that have rows, sorted.
    pub fn tenants(&self) -> Vec<TenantId> {
        let mut tenants: Vec<_> = self.tenants.keys().cloned().collect();
        tenants.sort_unstable();
        tenants
    }

    /// One tenant's rows, to fold into.
    pub fn tenant(&mut self, tenant: &TenantId) -> MemoryTenant<'_> {
        let schema = &self.schema;
        let tables = self
            .tenants
            .entry(tenant.clone())
            .or_insert_with(|| schema.tables().iter().map(|_| BTreeMap::new()).collect());
        MemoryTenant { schema, tables }
    }

    /// Applies what a working set gave out.
    pub fn apply(&mut self, changes: &[TableChanges]) {
        for TableChanges { tenant, slot, rows } in changes {
            let table = &mut self.tenant(tenant).tables[*slot];
            for (key, change) in rows {
                match change {
                    Change::Put(row) => table.insert(key.clone(), row.clone()),
                    Change::Delete(_) => table.remove(key),
                };
            }
        }
    }

    /// All rows of one table and tenant, in key order.
    pub fn rows(&self, table: &'static TableDef, tenant: &TenantId) -> impl DoubleEndedIterator<Item = &Row> {
        let slot = self.schema.slot(table);
        self.tenants.get(tenant).into_iter().flat_map(move |tables| tables[slot].values())
    }

    /// The row with this key.
    pub fn row(&self, table: &'static TableDef, tenant: &TenantId, key: &[Cell]) -> Option<&Row> {
        self.tenants.get(tenant)?[self.schema.slot(table)].get(&RowKey::of(key))
    }

    /// Answers a query by looking at every row: the meaning of [`Query`], not a fast way.
    ///
    /// # Errors
    /// The query names what the table does not have.
    pub fn query(&self, query: &Query) -> Result<Page, QueryError> {
        let order = query.check()?;
        let mut found: Vec<(RowKey, &Row)> = self
            .rows(query.table, &query.tenant)
            .filter(|row| order.iter().all(|&at| !row[at].is_null()) && query.matches(row))
            .map(|row| (query.sort_key(&order, row), row))
            .collect();
        found.sort_unstable_by(|a, b| query.direction.apply(a.0.cmp(&b.0)));
        if let Some(after) = &query.after {
            found.retain(|(key, _)| query.direction.apply(key.cmp(after.key())).is_gt());
        }
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|(_, row)| query.cursor(&order, row));
        Ok(Page { rows: found.into_iter().map(|(_, row)| row.clone()).collect(), next })
    }

    /// The digest of each projection over one tenant's rows.
    pub fn digests(&self, tenant: &TenantId) -> Vec<ProjectionDigest> {
        let digest = |projection| {
            let mut digester = Digester::new(projection, tenant);
            for table in projection.tables {
                digester.table(table);
                self.rows(table, tenant).for_each(|row| digester.row(row));
            }
            digester.finish()
        };
        self.schema.projections().iter().map(digest).collect()
    }
}

/// Rows in memory are their own store: nothing lies behind them.
impl RowSource for MemoryRows {
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        Ok(self.row(self.schema.tables()[slot], tenant, key).cloned())
    }

    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError> {
        Ok(self.rows(self.schema.tables()[slot], tenant).cloned().collect())
    }
}

/// One tenant's rows in memory.
pub struct MemoryTenant<'a> {
    schema: &'a Schema,
    tables: &'a mut Tables,
}

impl Rows for MemoryTenant<'_> {
    fn get(&mut self, table: &'static TableDef, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        Ok(self.tables[self.schema.slot(table)].get(&RowKey::of(key)).cloned())
    }

    fn put(&mut self, table: &'static TableDef, row: Row) {
        self.tables[self.schema.slot(table)].insert(table.key_of(&row), row);
    }

    fn delete(&mut self, table: &'static TableDef, key: &[Cell]) {
        self.tables[self.schema.slot(table)].remove(&RowKey::of(key));
    }

    fn scan(
        &mut self,
        table: &'static TableDef,
        prefix: &[Cell],
        limit: usize,
    ) -> Result<Vec<Row>, SourceError> {
        let from = RowKey::of(prefix);
        let to = from.after_prefix();
        let rows = self.tables[self.schema.slot(table)].range(from..to);
        Ok(rows.map(|(_, row)| row.clone()).take(limit).collect())
    }
}
