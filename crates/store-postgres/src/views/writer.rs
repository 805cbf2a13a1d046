//! The one connection that writes a generation: rows, logs, quarantine and position in one transaction.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Change, LogState, Poisoned, Row, Schema, TableChanges, TableDef};
use ledger_store::views::{Claim, ViewCommit, ViewError};
use tokio_postgres::types::ToSql;

use super::codec::{Loaded, Stored};
use super::control::{self, signed};
use super::db::Db;
use super::ddl;
use super::link::{Link, corrupt, view_error};

/// Rows of one statement at most: what it costs is shared by so many, and each holds its arrays in memory on both sides.
const STATEMENT_ROWS_MAX: usize = 8_192;

/// Writes and reads one generation over one connection.
pub(crate) struct Writer<'a> {
    pub db: &'a Db,
    pub link: &'a Link,
    pub schema: &'a Schema,
    pub generation: i32,
}

/// Rows of one table for one statement, each key once.
#[derive(Default)]
struct Group<'a> {
    slot: usize,
    tenants: HashSet<&'a TenantId>,
    puts: Vec<(i32, &'a Row)>,
    deletes: Vec<(i32, &'a Row)>,
}

/// Those that are to be written one after the other, and then those that may be written at once.
type Groups<'a> = (Vec<Group<'a>>, Vec<Group<'a>>);

impl Writer<'_> {
    /// Raises the epoch and reads what was folded.
    pub async fn claim(&self) -> Result<Claim, ViewError> {
        control::claim(self.link, self.generation).await
    }

    /// Stores a commit whole, or nothing of it. After an error the transaction may be open: drop the connection.
    pub async fn commit(&self, commit: &ViewCommit) -> Result<(), ViewError> {
        let tenants = commit.rows.iter().map(|changes| &changes.tenant);
        let tenants = tenants.chain(commit.logs.iter().map(|(tenant, _)| tenant));
        let tenants = self.db.tenants(self.link, tenants).await?;
        // Holds the row until the end: an owner that claims waits for this commit, and the next one finds its epoch.
        let begin = async { self.link.client.batch_execute("BEGIN").await.map_err(view_error) };
        let ((), stored) = tokio::try_join!(begin, control::lock(self.link, self.generation))?;
        if stored.epoch != commit.epoch {
            return Err(ViewError::Fenced { stored: stored.epoch, held: commit.epoch });
        }
        let (before, groups) = groups(&commit.rows, &tenants)?;
        for group in &before {
            self.write(group).await?;
        }
        // Different rows of different tables: all are sent at once, for one round trip.
        let writes = try_join_all(groups.iter().map(|group| self.write(group)));
        tokio::try_join!(
            writes,
            self.write_logs(commit, &tenants),
            self.write_poisoned(commit.position, &commit.poisoned),
            self.write_position(commit.position),
        )?;
        self.link.client.batch_execute("COMMIT").await.map_err(view_error)
    }

    async fn write_position(&self, position: u64) -> Result<(), ViewError> {
        let sql = "UPDATE views_generations SET position = $2 WHERE number = $1";
        let sql = self.link.prepared(sql).await?;
        let written = self.link.client.execute(&sql, &[&self.generation, &signed(position)]).await;
        written.map(drop).map_err(view_error)
    }

    async fn write(&self, group: &Group<'_>) -> Result<(), ViewError> {
        let table = self.schema.tables()[group.slot];
        let (upsert, delete) = (ddl::upsert(self.generation, table), ddl::delete(self.generation, table));
        let puts = group.puts.chunks(STATEMENT_ROWS_MAX);
        let puts = puts.map(|rows| self.execute(&upsert, rows, table.columns.len()));
        let deletes = group.deletes.chunks(STATEMENT_ROWS_MAX);
        let deletes = deletes.map(|keys| self.execute(&delete, keys, table.key));
        tokio::try_join!(try_join_all(puts), try_join_all(deletes)).map(drop)
    }

    /// Sends the first columns of some rows, an array each.
    async fn execute(&self, sql: &str, rows: &[(i32, &Row)], columns: usize) -> Result<(), ViewError> {
        let sql = self.link.prepared(sql).await?;
        let tenants: Vec<i32> = rows.iter().map(|(tenant, _)| *tenant).collect();
        let arrays: Vec<Vec<Stored<'_>>> =
            (0..columns).map(|at| rows.iter().map(|(_, row)| Stored(&row[at])).collect()).collect();
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&tenants];
        values.extend(arrays.iter().map(|array| array as &(dyn ToSql + Sync)));
        self.link.client.execute(&sql, &values).await.map(drop).map_err(view_error)
    }

    async fn write_logs(
        &self,
        commit: &ViewCommit,
        tenants: &HashMap<TenantId, i32>,
    ) -> Result<(), ViewError> {
        // A log that is named twice counts as it was named last.
        let last: HashMap<&TenantId, LogState> =
            commit.logs.iter().map(|(tenant, log)| (tenant, *log)).collect();
        if last.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i32> = last.keys().filter_map(|tenant| tenants.get(tenant).copied()).collect();
        let sizes: Vec<i64> = last.values().map(|log| signed(log.size)).collect();
        let as_of: Vec<i64> = last.values().map(|log| log.as_of.micros()).collect();
        let sql = "INSERT INTO views_logs (generation, t, size, as_of, position)
                   SELECT $1, w.t, w.size, w.as_of, $5
                   FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS w (t, size, as_of)
                   ON CONFLICT (generation, t)
                   DO UPDATE SET size = excluded.size, as_of = excluded.as_of, position = excluded.position";
        let sql = self.link.prepared(sql).await?;
        let position = signed(commit.position);
        let values: [&(dyn ToSql + Sync); 5] = [&self.generation, &numbers, &sizes, &as_of, &position];
        self.link.client.execute(&sql, &values).await.map(drop).map_err(view_error)
    }

    async fn write_poisoned(&self, position: u64, poisoned: &[Poisoned]) -> Result<(), ViewError> {
        let sql = "INSERT INTO views_poisoned (generation, projection, tenant, stream, idx, reason, held, position)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                   ON CONFLICT (generation, projection, tenant, stream) DO UPDATE SET
                   idx = excluded.idx, reason = excluded.reason, held = excluded.held, position = excluded.position";
        // One by one: there are hardly ever any.
        for Poisoned { projection, tenant, stream, index, reason, held } in poisoned {
            let sql = self.link.prepared(sql).await?;
            let (tenant, stream) = (tenant.as_str(), stream.as_str());
            let (index, held, at) = (signed(*index), signed(*held), signed(position));
            let values: [&(dyn ToSql + Sync); 8] =
                [&self.generation, projection, &tenant, &stream, &index, &reason.as_bytes(), &held, &at];
            self.link.client.execute(&sql, &values).await.map_err(view_error)?;
        }
        Ok(())
    }

    /// One stored row.
    pub async fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, ViewError> {
        let Some(tenant) = self.db.tenant(self.link, tenant).await? else { return Ok(None) };
        row(self.link, self.generation, self.schema.tables()[slot], tenant, key).await
    }

    /// Every stored row of a table and tenant.
    pub async fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, ViewError> {
        let Some(tenant) = self.db.tenant(self.link, tenant).await? else { return Ok(Vec::new()) };
        let table = self.schema.tables()[slot];
        let sql = self.link.prepared(&ddl::select_all(self.generation, table)).await?;
        let rows = self.link.client.query(&sql, &[&tenant]).await.map_err(view_error)?;
        rows.iter().map(|row| cells(row, 0, table.columns.len()).map(Row::new)).collect()
    }
}

/// Puts what goes to one table into one group. A group holds a row once; where the same tenant's rows come again, what
/// came before them is to be written first.
fn groups<'a>(rows: &'a [TableChanges], tenants: &HashMap<TenantId, i32>) -> Result<Groups<'a>, ViewError> {
    let mut done = Vec::new();
    let mut open: HashMap<usize, Group<'a>> = HashMap::new();
    for TableChanges { tenant, slot, rows } in rows {
        let number = tenants.get(tenant).copied().ok_or_else(|| super::db::wrong("a tenant's number"))?;
        let group = open.entry(*slot).or_insert_with(|| Group { slot: *slot, ..Group::default() });
        if !group.tenants.insert(tenant) {
            done.push(std::mem::replace(group, Group { slot: *slot, ..Group::default() }));
            group.tenants.insert(tenant);
        }
        for (_, change) in rows {
            match change {
                Change::Put(row) => group.puts.push((number, row)),
                Change::Delete(key) => group.deletes.push((number, key)),
            }
        }
    }
    Ok((done, open.into_values().collect()))
}

/// One row by its key.
pub(crate) async fn row(
    link: &Link,
    generation: i32,
    table: &TableDef,
    tenant: i32,
    key: &[Cell],
) -> Result<Option<Row>, ViewError> {
    // A key of another shape is nobody's.
    let fits = |(at, cell): (usize, &Cell)| {
        !cell.is_null() && (cell.as_int().is_some() || !super::codec::is_number(table.columns[at].kind))
    };
    if key.len() != table.key || !key.iter().enumerate().all(fits) {
        return Ok(None);
    }
    let sql = link.prepared(&ddl::select(generation, table)).await?;
    let key: Vec<Stored<'_>> = key.iter().map(Stored).collect();
    let mut values: Vec<&(dyn ToSql + Sync)> = vec![&tenant];
    values.extend(key.iter().map(|cell| cell as &(dyn ToSql + Sync)));
    let found = link.client.query_opt(&sql, &values).await.map_err(view_error)?;
    found.map(|row| cells(&row, 0, table.columns.len()).map(Row::new)).transpose()
}

/// Cells that begin at a column of a result.
pub(crate) fn cells(row: &tokio_postgres::Row, first: usize, count: usize) -> Result<Vec<Cell>, ViewError> {
    (first..first + count)
        .map(|at| row.try_get::<_, Loaded>(at).map(|cell| cell.0).map_err(corrupt))
        .collect()
}
