//! Questions to read models: filters, an order, and pages that go on where the last one ended.

use std::cmp::Ordering;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cell::{Cell, CellType, Row};
use super::key::RowKey;
use super::table::{Kind, TableDef};
use crate::ids::TenantId;

/// Rows on a page unless it says otherwise.
pub const PAGE_ROWS: usize = 50;
/// More rows than this are never on one page: a page is held in memory.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// A page ends, if need be short, when this many rows were looked at: it bounds the time of one page
/// (about 10 ms) however rare the rows that are looked for.
pub const SCAN_ROWS_MAX: usize = 20_000;

/// Which way the order runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

impl Direction {
    /// An ascending comparison, turned round if need be.
    pub const fn apply(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }
}

/// What is asked of a column's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is this (null is equal to null).
    Is(Cell),
    /// It is one of these.
    AnyOf(Vec<Cell>),
    /// It is at least this.
    AtLeast(Cell),
    /// It is less than this.
    Below(Cell),
    /// Its text begins with this.
    Prefix(String),
    /// Its text holds this, whether in upper or lower case (ASCII).
    Contains(String),
}

impl Test {
    /// Does a value pass? Null passes nothing but `Is` and `AnyOf` with null, and nothing is at least or below null.
    pub fn passes(&self, cell: &Cell) -> bool {
        match self {
            Self::Is(wanted) => cell == wanted,
            Self::AnyOf(wanted) => wanted.contains(cell),
            Self::AtLeast(from) => !cell.is_null() && !from.is_null() && cell >= from,
            Self::Below(to) => !cell.is_null() && cell < to,
            Self::Prefix(prefix) => !cell.is_null() && cell.to_string().starts_with(prefix.as_str()),
            Self::Contains(part) => {
                !cell.is_null() && cell.to_string().to_ascii_lowercase().contains(&part.to_ascii_lowercase())
            }
        }
    }
}

/// One column and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Where the column stands in the table.
    pub column: usize,
    /// What is asked.
    pub test: Test,
}

/// A question to one table of one tenant.
#[derive(Debug, Clone)]
pub struct Query {
    /// The table.
    pub table: &'static TableDef,
    /// Whose rows.
    pub tenant: TenantId,
    /// All must pass.
    pub filters: Vec<Filter>,
    /// Columns to sort by; the key follows. Rows with nothing in one of them are left out.
    pub order: Vec<&'static str>,
    /// Which way.
    pub direction: Direction,
    /// Go on behind this row.
    pub after: Option<Cursor>,
    /// Rows on the page.
    pub limit: usize,
    /// Rows to look at for this page, at most.
    pub scan_rows_max: usize,
    /// A column named in a filter that the table does not have.
    unknown: Option<&'static str>,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// Where the next page begins; nothing: this is the last one. A page may be short, even empty, and still have a
    /// next one: the search has then looked at [`Query::scan_rows_max`] rows.
    pub next: Option<Cursor>,
}

/// Where a page ended. As text it is safe in a URL and means nothing to its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    key: RowKey,
}

impl Cursor {
    /// Behind the row with these order columns and key.
    pub fn at(cells: &[Cell]) -> Self {
        Self { key: RowKey::of(cells) }
    }

    /// The order columns and key, encoded.
    pub const fn key(&self) -> &RowKey {
        &self.key
    }

    /// The order columns and key.
    pub fn cells(&self) -> Vec<Cell> {
        self.key.cells().unwrap_or_default()
    }

    /// As text.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.as_bytes())
    }

    /// From text.
    ///
    /// # Errors
    /// It is not a cursor.
    pub fn from_text(text: &str) -> Result<Self, QueryError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| QueryError::Cursor)?;
        RowKey::from_bytes(&bytes).map(|key| Self { key }).ok_or(QueryError::Cursor)
    }
}

/// A question that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A column that the table does not have.
    #[error("table {table} has no column {column}")]
    Column {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// An order that the column's kind does not have.
    #[error("table {table} cannot be ordered by {column}")]
    Order {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A cursor that is damaged or of another query.
    #[error("the cursor is not one of this query: start again without it")]
    Cursor,
}

impl Query {
    /// The first page of all rows, by key.
    pub fn new(table: &'static TableDef, tenant: &TenantId) -> Self {
        Self {
            table,
            tenant: tenant.clone(),
            filters: Vec::new(),
            order: Vec::new(),
            direction: Direction::Ascending,
            after: None,
            limit: PAGE_ROWS,
            scan_rows_max: SCAN_ROWS_MAX,
            unknown: None,
        }
    }

    /// Only rows whose column passes.
    #[must_use]
    pub fn filter(mut self, column: &'static str, test: Test) -> Self {
        match self.table.column(column) {
            Some(column) => self.filters.push(Filter { column, test }),
            None => self.unknown = Some(column),
        }
        self
    }

    /// Only rows whose column is this.
    #[must_use]
    pub fn is(self, column: &'static str, value: &impl CellType) -> Self {
        self.filter(column, Test::Is(value.to_cell()))
    }

    /// Only rows whose column is this identifier or text, spelled as the column's kind spells it.
    #[must_use]
    pub fn is_text(self, column: &'static str, value: &str) -> Self {
        let kind = self.table.column(column).map(|at| self.table.columns[at].kind);
        let cell = if kind == Some(Kind::Id) { Cell::id(value) } else { Cell::text(value) };
        self.filter(column, Test::Is(cell))
    }

    /// Sorted by a column before what it is sorted by already.
    #[must_use]
    pub fn order_by(mut self, column: &'static str) -> Self {
        self.order.push(column);
        self
    }

    /// Largest first.
    #[must_use]
    pub const fn descending(mut self) -> Self {
        self.direction = Direction::Descending;
        self
    }

    /// Behind this row.
    #[must_use]
    pub fn after(mut self, cursor: Option<Cursor>) -> Self {
        self.after = cursor;
        self
    }

    /// Rows on the page, 1 to [`PAGE_ROWS_MAX`].
    #[must_use]
    pub fn limit(mut self, rows: usize) -> Self {
        self.limit = rows.clamp(1, PAGE_ROWS_MAX);
        self
    }

    /// Checks the query and gives the places of the columns that rows are sorted by, without the key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<Vec<usize>, QueryError> {
        let table = self.table.name;
        if let Some(column) = self.unknown {
            return Err(QueryError::Column { table, column });
        }
        let place = |column: &&'static str| {
            let at = self.table.column(column).ok_or(QueryError::Column { table, column })?;
            if self.table.columns[at].kind == Kind::Symbol {
                return Err(QueryError::Order { table, column });
            }
            Ok(at)
        };
        let order = self.order.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        if self.after.as_ref().is_some_and(|after| after.cells().len() != order.len() + self.table.key) {
            return Err(QueryError::Cursor);
        }
        Ok(order)
    }

    /// Does a row pass all filters?
    pub fn matches(&self, row: &[Cell]) -> bool {
        self.filters.iter().all(|filter| filter.test.passes(&row[filter.column]))
    }

    /// What a row is sorted by.
    pub fn sort_key(&self, order: &[usize], row: &[Cell]) -> RowKey {
        RowKey::of(&self.sort_cells(order, row))
    }

    /// Where a page ends whose last row this is.
    pub fn cursor(&self, order: &[usize], row: &[Cell]) -> Cursor {
        Cursor::at(&self.sort_cells(order, row))
    }

    fn sort_cells(&self, order: &[usize], row: &[Cell]) -> Vec<Cell> {
        order.iter().map(|&at| &row[at]).chain(&row[..self.table.key]).cloned().collect()
    }
}
