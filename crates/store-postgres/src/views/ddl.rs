//! How a table of the schema becomes a table of PostgreSQL: `views_<generation>_<table>`, whose key is the tenant's
//! number and the key's columns. Every index begins with the tenant and ends with the key, so that rows can be walked
//! in its order.

use std::fmt::Write as _;

use ledger::readmodel::{IndexDef, TableDef};

use super::codec::sql_type;

/// Room that is left in pages of tables whose rows change again and again: an update then finds place beside the row
/// and touches no index.
const RESIDENT_FILL_PERCENT: u8 = 80;

/// The name of a table.
pub(crate) fn table_name(generation: i32, table: &TableDef) -> String {
    format!("views_{generation}_{}", table.name)
}

/// The name of a column.
pub(crate) fn column(table: &TableDef, at: usize) -> String {
    format!("c_{}", table.columns[at].name)
}

/// Some columns, parted by commas.
fn list(table: &TableDef, columns: impl IntoIterator<Item = usize>) -> String {
    columns.into_iter().map(|at| column(table, at)).collect::<Vec<_>>().join(", ")
}

/// All columns, parted by commas.
pub(crate) fn columns(table: &TableDef) -> String {
    list(table, 0..table.columns.len())
}

/// The columns of the key, parted by commas.
pub(crate) fn key(table: &TableDef) -> String {
    list(table, 0..table.key)
}

/// Creates a table without its indexes, and without write-ahead log: see `settle`.
pub(crate) fn create_table(generation: i32, table: &TableDef) -> String {
    let mut sql = format!("CREATE UNLOGGED TABLE {} (t integer NOT NULL", table_name(generation, table));
    for (at, described) in table.columns.iter().enumerate() {
        let needed = if at < table.key { " NOT NULL" } else { "" };
        let _ = write!(sql, ", {} {}{needed}", column(table, at), sql_type(described.kind));
    }
    let _ = write!(sql, ", PRIMARY KEY (t, {}))", key(table));
    if table.resident {
        let _ = write!(sql, " WITH (fillfactor = {RESIDENT_FILL_PERCENT})");
    }
    sql
}

/// Makes a filled table durable and complete: logged (which writes it once more, without what updates left behind),
/// with its indexes, and known to the planner.
pub(crate) fn settle(generation: i32, slot: usize, table: &TableDef) -> String {
    let name = table_name(generation, table);
    let mut sql = format!("ALTER TABLE {name} SET LOGGED;");
    for at in 0..table.indexes.len() {
        let IndexDef { columns, sparse } = table.indexes[at];
        let first = format!("c_{}", columns[0]);
        let mut names: Vec<String> = columns.iter().map(|name| format!("c_{name}")).collect();
        for key in (0..table.key).map(|at| column(table, at)) {
            if !names.contains(&key) {
                names.push(key);
            }
        }
        let filter = if sparse { format!(" WHERE {first} IS NOT NULL") } else { String::new() };
        let names = names.join(", ");
        let _ = write!(sql, "CREATE INDEX views_{generation}_i{slot}_{at} ON {name} (t, {names}){filter};");
    }
    let _ = write!(sql, "ANALYZE {name}");
    sql
}

/// Writes rows: an array for the tenants and one for each column.
pub(crate) fn upsert(generation: i32, table: &TableDef) -> String {
    let arrays: Vec<String> = (0..table.columns.len())
        .map(|at| format!("${}::{}[]", at + 2, sql_type(table.columns[at].kind)))
        .collect();
    let sets: Vec<String> = (table.key..table.columns.len())
        .map(|at| column(table, at))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let action =
        if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
    format!(
        "INSERT INTO {} (t, {}) SELECT * FROM unnest($1::integer[], {}) ON CONFLICT (t, {}) DO {action}",
        table_name(generation, table),
        columns(table),
        arrays.join(", "),
        key(table),
    )
}

/// Deletes rows: an array for the tenants and one for each column of the key.
pub(crate) fn delete(generation: i32, table: &TableDef) -> String {
    let keys: Vec<String> = (0..table.key).map(|at| column(table, at)).collect();
    let arrays: Vec<String> =
        (0..table.key).map(|at| format!("${}::{}[]", at + 2, sql_type(table.columns[at].kind))).collect();
    let same: Vec<String> = keys.iter().map(|key| format!("r.{key} = w.{key}")).collect();
    format!(
        "DELETE FROM {} r USING unnest($1::integer[], {}) AS w (t, {}) WHERE r.t = w.t AND {}",
        table_name(generation, table),
        arrays.join(", "),
        keys.join(", "),
        same.join(" AND "),
    )
}

/// Reads one row by the tenant's number and the key.
pub(crate) fn select(generation: i32, table: &TableDef) -> String {
    let keys: Vec<String> = (0..table.key).map(|at| format!("{} = ${}", column(table, at), at + 2)).collect();
    let (columns, name) = (columns(table), table_name(generation, table));
    format!("SELECT {columns} FROM {name} WHERE t = $1 AND {}", keys.join(" AND "))
}

/// Reads all rows of a tenant, in key order.
pub(crate) fn select_all(generation: i32, table: &TableDef) -> String {
    let (columns, name, key) = (columns(table), table_name(generation, table), key(table));
    format!("SELECT {columns} FROM {name} WHERE t = $1 ORDER BY {key}")
}
