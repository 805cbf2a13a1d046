//! The one connection that writes a generation: rows, logs, quarantine and position in one transaction.

use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Change, LogState, Poisoned, Row, Schema, TableChanges, Text};
use ledger::time::Timestamp;
use ledger_store::views::{Claim, Progress, ViewCommit, ViewError};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{Bound, Decoder, bind};
use super::dictionary::Dictionary;
use super::{ddl, view_error};

/// The writing side of a generation.
pub struct Writer {
    connection: Connection,
    schema: Arc<Schema>,
    tenants: Dictionary,
    symbols: Dictionary,
    statements: Vec<TableSql>,
}

struct TableSql {
    upsert: String,
    delete: String,
    select: String,
}

impl Writer {
    /// Writes through this connection, whose tables exist.
    pub fn new(connection: Connection, schema: Arc<Schema>) -> Result<Self, ViewError> {
        connection.set_prepared_statement_cache_capacity(schema.tables().len() * 3 + 16);
        let tenants = Dictionary::load(&connection, "tenants").map_err(view_error)?;
        let symbols = Dictionary::load(&connection, "symbols").map_err(view_error)?;
        let statements = schema
            .tables()
            .iter()
            .map(|table| {
                let (name, key, columns) = (ddl::table_name(table), ddl::by_key(table), ddl::columns(table));
                TableSql {
                    upsert: ddl::upsert(table),
                    delete: format!("DELETE FROM {name} WHERE {key}"),
                    select: format!("SELECT {columns} FROM {name} WHERE {key}"),
                }
            })
            .collect();
        Ok(Self { connection, schema, tenants, symbols, statements })
    }

    /// The connection.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The tenants' numbers, for readers.
    pub const fn tenants(&self) -> &Dictionary {
        &self.tenants
    }

    /// The symbols, for readers.
    pub const fn symbols(&self) -> &Dictionary {
        &self.symbols
    }

    /// Goes on with another connection to the same file.
    pub fn reconnect(&mut self, connection: Connection) {
        connection.set_prepared_statement_cache_capacity(self.schema.tables().len() * 3 + 16);
        self.connection = connection;
    }

    /// Raises the epoch and reads what was folded.
    pub fn claim(&mut self) -> Result<Claim, ViewError> {
        let connection = &self.connection;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(view_error)?;
        let claimed = claim(connection);
        let end = if claimed.is_ok() { "COMMIT" } else { "ROLLBACK" };
        connection.execute_batch(end).map_err(view_error)?;
        claimed.map_err(view_error)
    }

    /// Stores a commit whole, or nothing of it.
    pub fn commit(&mut self, commit: &ViewCommit) -> Result<(), ViewError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(view_error)?;
        let written =
            self.write(commit).and_then(|()| self.connection.execute_batch("COMMIT").map_err(view_error));
        if let Err(error) = written {
            // A failed COMMIT may have rolled back by itself: then this says so and changes nothing.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.tenants.forget();
            self.symbols.forget();
            return Err(error);
        }
        self.tenants.keep();
        self.symbols.keep();
        Ok(())
    }

    /// One stored row.
    pub fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, ViewError> {
        let Some(number) = self.tenants.shared().number(tenant.as_str()) else { return Ok(None) };
        let table = self.schema.tables()[slot];
        let mut statement =
            self.connection.prepare_cached(&self.statements[slot].select).map_err(view_error)?;
        let decoder = Decoder::new(table, self.symbols.shared(), 0);
        bind_key(&mut statement, table.is_numbered(), number, key)?;
        let mut rows = statement.raw_query();
        let Some(row) = rows.next().map_err(view_error)? else { return Ok(None) };
        decoder.cells(row).map(|cells| Some(Row::new(cells)))
    }

    /// Every stored row of a table and tenant.
    pub fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, ViewError> {
        let Some(number) = self.tenants.shared().number(tenant.as_str()) else { return Ok(Vec::new()) };
        let table = self.schema.tables()[slot];
        let (condition, values) = ddl::of_tenant(table, number);
        let (columns, name) = (ddl::columns(table), ddl::table_name(table));
        let sql = format!("SELECT {columns} FROM {name} WHERE {condition}");
        let mut statement = self.connection.prepare(&sql).map_err(view_error)?;
        let decoder = Decoder::new(table, self.symbols.shared(), 0);
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(view_error)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(view_error)? {
            found.push(Row::new(decoder.cells(row)?));
        }
        Ok(found)
    }

    fn write(&mut self, commit: &ViewCommit) -> Result<(), ViewError> {
        let stored = number(&self.connection, "epoch").map_err(view_error)?;
        if stored != commit.epoch {
            return Err(ViewError::Fenced { stored, held: commit.epoch });
        }
        for changes in &commit.rows {
            self.write_rows(changes)?;
        }
        self.write_logs(&commit.logs).map_err(view_error)?;
        write_poisoned(&self.connection, &commit.poisoned).map_err(view_error)?;
        self.tenants.store_new(&self.connection).map_err(view_error)?;
        self.symbols.store_new(&self.connection).map_err(view_error)?;
        let sql = "UPDATE \"meta\" SET \"value\" = ?1 WHERE \"name\" = 'position'";
        let mut statement = self.connection.prepare_cached(sql).map_err(view_error)?;
        statement.execute([to_sql(commit.position)]).map(drop).map_err(view_error)
    }

    fn write_rows(&mut self, changes: &TableChanges) -> Result<(), ViewError> {
        let table = self.schema.tables()[changes.slot];
        let TableSql { upsert, delete, .. } = &self.statements[changes.slot];
        let tenant = self.tenants.number(&Text::new(changes.tenant.as_str()));
        let mut upsert = self.connection.prepare_cached(upsert).map_err(view_error)?;
        let mut delete = self.connection.prepare_cached(delete).map_err(view_error)?;
        for (_, change) in &changes.rows {
            let row = match change {
                Change::Put(row) => row,
                Change::Delete(key) => {
                    bind_key(&mut delete, table.is_numbered(), tenant, key)?;
                    delete.raw_execute().map_err(view_error)?;
                    continue;
                }
            };
            // Parameters count from 1; a keyed table has its tenant in the first one.
            let (first, at) = if table.is_numbered() { (1, 1) } else { (0, 2) };
            let head = if table.is_numbered() { ddl::pack(tenant, whole(&row[0])?)? } else { tenant };
            upsert.raw_bind_parameter(1, head).map_err(view_error)?;
            for (place, (column, cell)) in
                (at + first..).zip(table.columns.iter().zip(row.iter()).skip(first))
            {
                let bound = bind(column.kind, cell, &mut self.symbols);
                upsert.raw_bind_parameter(place, bound).map_err(view_error)?;
            }
            upsert.raw_execute().map_err(view_error)?;
        }
        Ok(())
    }

    fn write_logs(&mut self, logs: &[(TenantId, LogState)]) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO \"logs\" (\"t\", \"size\", \"as_of\") VALUES (?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(sql)?;
        for (tenant, log) in logs {
            let tenant = self.tenants.number(&Text::new(tenant.as_str()));
            statement.execute(params![tenant, to_sql(log.size), log.as_of.micros()])?;
        }
        Ok(())
    }
}

fn bind_key(
    statement: &mut rusqlite::CachedStatement<'_>,
    numbered: bool,
    tenant: i64,
    key: &[Cell],
) -> Result<(), ViewError> {
    if numbered {
        return statement.raw_bind_parameter(1, ddl::pack(tenant, whole(&key[0])?)?).map_err(view_error);
    }
    statement.raw_bind_parameter(1, tenant).map_err(view_error)?;
    for (place, cell) in (2..).zip(key) {
        // A key has no symbols, so cells are bound as they are.
        statement.raw_bind_parameter(place, Bound::Cell(cell)).map_err(view_error)?;
    }
    Ok(())
}

fn whole(cell: &Cell) -> Result<i64, ViewError> {
    cell.as_int().ok_or_else(|| ViewError::Corrupt("a row number is no number".to_owned()))
}

fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A number out of `meta`.
pub fn number(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT \"value\" FROM \"meta\" WHERE \"name\" = ?1")?;
    Ok(to_u64(statement.query_row([name], |row| row.get(0))?))
}

fn claim(connection: &Connection) -> rusqlite::Result<Claim> {
    connection.execute("UPDATE \"meta\" SET \"value\" = \"value\" + 1 WHERE \"name\" = 'epoch'", [])?;
    let mut claim = Claim {
        epoch: number(connection, "epoch")?,
        position: number(connection, "position")?,
        ..Claim::default()
    };
    claim.logs = read_logs(connection)?.into_iter().collect();
    claim.poisoned = read_poisoned(connection)?;
    Ok(claim)
}

/// How far it is, without claiming it.
pub fn progress(connection: &Connection, since: u64) -> rusqlite::Result<Progress> {
    let position = number(connection, "position")?;
    if position == since {
        return Ok(Progress { position, ..Progress::default() });
    }
    let (logs, poisoned) = (read_logs(connection)?, read_poisoned(connection)?);
    Ok(Progress { position, whole: true, logs, poisoned })
}

fn read_logs(connection: &Connection) -> rusqlite::Result<Vec<(TenantId, LogState)>> {
    let sql = "SELECT \"text\", \"size\", \"as_of\" FROM \"logs\" JOIN \"tenants\" ON \"t\" = \"no\"";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        let log = LogState { size: to_u64(row.get(1)?), as_of: Timestamp::from_micros(row.get(2)?) };
        if let Ok(tenant) = TenantId::new(row.get::<_, String>(0)?) {
            logs.push((tenant, log));
        }
    }
    Ok(logs)
}

/// How far one log was folded.
pub fn read_log(connection: &Connection, tenant: i64) -> rusqlite::Result<LogState> {
    let mut statement =
        connection.prepare_cached("SELECT \"size\", \"as_of\" FROM \"logs\" WHERE \"t\" = ?1")?;
    let log = statement.query_row([tenant], |row| {
        Ok(LogState { size: to_u64(row.get(0)?), as_of: Timestamp::from_micros(row.get(1)?) })
    });
    Ok(log.optional()?.unwrap_or_default())
}

/// Everything in quarantine.
pub fn read_poisoned(connection: &Connection) -> rusqlite::Result<Vec<Poisoned>> {
    let sql =
        "SELECT \"projection\", \"tenant\", \"stream\", \"index\", \"reason\", \"held\" FROM \"poisoned\"";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (tenant, stream): (String, String) = (row.get(1)?, row.get(2)?);
        let (Ok(tenant), Ok(stream)) = (tenant.parse(), stream.parse()) else { continue };
        let (index, held) = (to_u64(row.get(3)?), to_u64(row.get(5)?));
        found.push(Poisoned { projection: row.get(0)?, tenant, stream, index, reason: row.get(4)?, held });
    }
    Ok(found)
}

fn write_poisoned(connection: &Connection, poisoned: &[Poisoned]) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO \"poisoned\" VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = connection.prepare_cached(sql)?;
    for entry in poisoned {
        let (tenant, stream) = (entry.tenant.as_str(), entry.stream.as_str());
        let (index, held) = (to_sql(entry.index), to_sql(entry.held));
        statement.execute(params![entry.projection, tenant, stream, index, entry.reason, held])?;
    }
    Ok(())
}
