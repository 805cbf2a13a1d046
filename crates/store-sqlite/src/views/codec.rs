//! Cells as SQLite values, and back.

use std::sync::Arc;

use ledger::readmodel::{Cell, Kind, TableDef, Text};
use ledger_store::views::ViewError;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Row as SqlRow, ToSql, types::ToSqlOutput};
use uuid::Uuid;

use super::ddl;
use super::dictionary::{Dictionary, Texts};

/// A cell that is bound without a copy.
pub enum Bound<'a> {
    /// A number, or what refers to a symbol.
    Number(i64),
    /// Any other cell.
    Cell(&'a Cell),
}

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Number(n) | Self::Cell(Cell::Int(n)) => ValueRef::Integer(*n),
            Self::Cell(Cell::Null) => ValueRef::Null,
            Self::Cell(Cell::Text(text)) => ValueRef::Text(text.as_bytes()),
            Self::Cell(Cell::Uuid(uuid)) => ValueRef::Blob(uuid.as_bytes()),
        }))
    }
}

/// A cell as it is stored, symbols put into the dictionary.
pub fn bind<'a>(kind: Kind, cell: &'a Cell, symbols: &mut Dictionary) -> Bound<'a> {
    match (kind, cell) {
        (Kind::Symbol, Cell::Text(text)) => Bound::Number(symbols.number(text)),
        _ => Bound::Cell(cell),
    }
}

/// A cell as a value of a query, in a column that is not a symbol.
pub fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(n) => Value::Integer(*n),
        Cell::Text(text) => Value::Text(text.as_str().to_owned()),
        Cell::Uuid(uuid) => Value::Blob(uuid.as_bytes().to_vec()),
    }
}

/// Reads the columns of a table, which begin at `first` in a result.
pub struct Decoder {
    table: &'static TableDef,
    symbols: Arc<Vec<Text>>,
    first: usize,
}

impl Decoder {
    /// Reads rows of this table. The texts are taken now: by then the connection must have fixed the state that it reads.
    pub fn new(table: &'static TableDef, symbols: &Texts, first: usize) -> Self {
        Self { table, symbols: symbols.snapshot(), first }
    }

    /// One column.
    pub fn cell(&self, row: &SqlRow<'_>, at: usize) -> Result<Cell, ViewError> {
        let stored = row.get_ref(self.first + at).map_err(super::view_error)?;
        let corrupt = |what: &str| {
            ViewError::Corrupt(format!("{} of {} {what}", self.table.columns[at].name, self.table.name))
        };
        Ok(match (self.table.columns[at].kind, stored) {
            (_, ValueRef::Null) => Cell::Null,
            (Kind::Symbol, ValueRef::Integer(number)) => {
                let text = usize::try_from(number - 1).ok().and_then(|at| self.symbols.get(at));
                Cell::Text(text.ok_or_else(|| corrupt("is an unknown symbol"))?.clone())
            }
            (_, ValueRef::Integer(n)) if at == 0 && self.table.is_numbered() => Cell::Int(ddl::unpack(n)),
            (_, ValueRef::Integer(n)) => Cell::Int(n),
            (_, ValueRef::Text(text)) => {
                Cell::Text(Text::new(std::str::from_utf8(text).map_err(|_| corrupt("is no text"))?))
            }
            (_, ValueRef::Blob(bytes)) => {
                Cell::Uuid(Uuid::from_slice(bytes).map_err(|_| corrupt("is no UUID"))?)
            }
            (_, ValueRef::Real(_)) => return Err(corrupt("is a fraction")),
        })
    }

    /// All columns.
    pub fn cells(&self, row: &SqlRow<'_>) -> Result<Vec<Cell>, ViewError> {
        (0..self.table.columns.len()).map(|at| self.cell(row, at)).collect()
    }
}
