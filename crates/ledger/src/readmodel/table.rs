//! Descriptions of tables, from which every backend derives its own storage.

use std::fmt;

use sha2::{Digest, Sha256};

use super::cell::Cell;
use super::key::RowKey;

/// What a column holds. It decides how a backend stores it, not how it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A whole number.
    Int,
    /// 0 or 1.
    Bool,
    /// A time, in microseconds since the epoch.
    Time,
    /// Text of any content.
    Text,
    /// Text out of a small set (types, results, controls, actors): a backend may keep it once and refer to it.
    /// Not allowed in keys and not to be ordered by.
    Symbol,
    /// An identifier, most often a UUID.
    Id,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, unique in the table.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// A way to find rows by something else than the key. The key follows the columns implicitly, so rows that are equal in
/// the columns come in key order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexDef {
    /// The names of its columns.
    pub columns: &'static [&'static str],
    /// Leaves out rows whose first column is null: for columns that are seldom filled.
    pub sparse: bool,
}

/// One table of a read model.
#[derive(PartialEq, Eq)]
pub struct TableDef {
    /// Its name, unique in the schema.
    pub name: &'static str,
    /// Its columns, the key's first.
    pub columns: &'static [Column],
    /// How many columns make the key.
    pub key: usize,
    /// Its secondary indexes.
    pub indexes: &'static [IndexDef],
    /// A column that never falls as the key grows, so that a range of it is a range of keys and needs no index.
    pub rising: Option<&'static str>,
    /// Held in memory by whoever folds, so that folds may walk it ([`super::Rows::scan`]).
    /// For tables that grow with the number of things, not with the number of events.
    pub resident: bool,
}

impl fmt::Debug for TableDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl TableDef {
    /// Where a column stands.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The key of a row of this table.
    pub fn key_of(&self, row: &[Cell]) -> RowKey {
        RowKey::of(&row[..self.key])
    }

    /// Is the key one number? Such tables (a row for each event, say) can be stored by that number.
    pub fn is_numbered(&self) -> bool {
        self.key == 1 && matches!(self.columns[0].kind, Kind::Int)
    }

    fn check(&self) -> Result<(), SchemaError> {
        let fault = |what: &'static str| Err(SchemaError { table: self.name, what });
        if self.key == 0 || self.key > self.columns.len() {
            return fault("the key must be one or more of the columns");
        }
        if self.columns[..self.key].iter().any(|column| column.kind == Kind::Symbol) {
            return fault("a symbol has no order, so it cannot be part of a key");
        }
        let name_fits = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !name_fits(self.name) || !self.columns.iter().all(|column| name_fits(column.name)) {
            return fault("names are lower-case letters, digits and '_'");
        }
        if self.rising.is_some_and(|name| !self.is_numbered() || self.column(name).is_none()) {
            return fault("only a table with a number as key has a column that rises with it");
        }
        for (at, column) in self.columns.iter().enumerate() {
            if self.columns[..at].iter().any(|other| other.name == column.name) {
                return fault("two columns have the same name");
            }
        }
        for index in self.indexes {
            if index.columns.is_empty() || index.columns.iter().any(|name| self.column(name).is_none()) {
                return fault("an index names a column that the table does not have");
            }
        }
        Ok(())
    }
}

/// A projection and the tables that it alone writes.
#[derive(Debug, Clone, Copy)]
pub struct ProjectionDef {
    /// Its name, unique.
    pub name: &'static str,
    /// Raised whenever the same events would give other rows.
    pub version: u32,
    /// Its tables.
    pub tables: &'static [&'static TableDef],
}

/// A schema that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read-model table {table}: {what}")]
pub struct SchemaError {
    /// The table.
    pub table: &'static str,
    /// What is wrong.
    pub what: &'static str,
}

/// All projections and their tables. A table's slot is its place in [`Schema::tables`].
#[derive(Debug)]
pub struct Schema {
    projections: Vec<ProjectionDef>,
    tables: Vec<&'static TableDef>,
    owners: Vec<usize>,
}

impl Schema {
    /// Checks the descriptions and numbers the tables.
    ///
    /// # Errors
    /// The table that is wrong, and why.
    pub fn new(projections: Vec<ProjectionDef>) -> Result<Self, SchemaError> {
        let mut schema = Self { projections: Vec::new(), tables: Vec::new(), owners: Vec::new() };
        for (owner, projection) in projections.iter().enumerate() {
            for table in projection.tables {
                table.check()?;
                if schema.tables.iter().any(|other| other.name == table.name) {
                    return Err(SchemaError { table: table.name, what: "two tables have the same name" });
                }
                schema.tables.push(table);
                schema.owners.push(owner);
            }
        }
        schema.projections = projections;
        Ok(schema)
    }

    /// The projections, in the order in which they fold each event.
    pub fn projections(&self) -> &[ProjectionDef] {
        &self.projections
    }

    /// The tables of all projections.
    pub fn tables(&self) -> &[&'static TableDef] {
        &self.tables
    }

    /// The slot of a table.
    ///
    /// # Panics
    /// If the table is not of this schema: that is a fault in the program, not in its data.
    pub fn slot(&self, table: &'static TableDef) -> usize {
        // Tables are statics, so addresses tell them apart in a few comparisons; names back that up where a linker
        // or a generic keeps two copies.
        self.tables
            .iter()
            .position(|other| std::ptr::eq(*other, table))
            .or_else(|| self.tables.iter().position(|other| other.name == table.name))
            .expect("a projection names only tables of its schema")
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&'static TableDef> {
        self.tables.iter().copied().find(|table| table.name == name)
    }

    /// Which projection writes a table.
    pub fn owner(&self, slot: usize) -> &ProjectionDef {
        &self.projections[self.owners[slot]]
    }

    /// Changes with everything that makes stored rows unusable: names, versions, columns, keys and indexes.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for projection in &self.projections {
            hash.update(format!("{} {}\n", projection.name, projection.version));
            for table in projection.tables {
                hash.update(format!(
                    " {} {} {:?} {:?}\n",
                    table.name, table.key, table.columns, table.indexes
                ));
            }
        }
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}
