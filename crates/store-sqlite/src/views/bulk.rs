//! Filling a new generation: tables first, without journal and without indexes; then the indexes, sorted at once, on as
//! many threads as SQLite likes; then a sync, and from there on the file is one that can be followed.

use std::path::Path;

use ledger::readmodel::Schema;
use ledger_store::views::ViewError;
use rusqlite::Connection;

use super::{ddl, files, view_error};

/// Creates the file of a generation and its tables.
pub fn begin(path: &Path, schema: &Schema) -> Result<Connection, ViewError> {
    let connection = files::create(path)?;
    connection.execute_batch(ddl::SYSTEM_TABLES).map_err(view_error)?;
    for table in schema.tables() {
        connection.execute_batch(&ddl::create_table(table)).map_err(view_error)?;
    }
    let sql = "INSERT INTO \"meta\" VALUES ('fingerprint', ?1)";
    connection.execute(sql, [schema.fingerprint()]).map_err(view_error)?;
    Ok(connection)
}

/// Creates the indexes.
pub fn index(connection: &Connection, schema: &Schema) -> Result<(), ViewError> {
    for table in schema.tables() {
        for at in 0..table.indexes.len() {
            connection.execute_batch(&ddl::create_index(table, at)).map_err(view_error)?;
        }
    }
    Ok(())
}
