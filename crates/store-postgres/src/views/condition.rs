//! Filters as conditions of SQL.

use std::fmt::Write as _;

use ledger::readmodel::{Cell, Filter, TableDef, Test};
use tokio_postgres::types::ToSql;

use super::codec::{UUID_TAG, is_number, tagged, tagged_text};
use super::ddl;

/// A value of a query.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Number(i64),
    Numbers(Vec<i64>),
    Bytes(Vec<u8>),
    BytesList(Vec<Vec<u8>>),
}

impl Value {
    /// A cell as a value for a column, if the column can hold it.
    pub fn of(table: &TableDef, at: usize, cell: &Cell) -> Option<Self> {
        match (is_number(table.columns[at].kind), cell) {
            (_, Cell::Null) => None,
            (true, cell) => cell.as_int().map(Self::Number),
            (false, cell) => Some(Self::Bytes(tagged(cell))),
        }
    }

    /// As a parameter.
    pub fn bind(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Number(number) => number,
            Self::Numbers(numbers) => numbers,
            Self::Bytes(bytes) => bytes,
            Self::BytesList(list) => list,
        }
    }

    const fn sql_type(&self) -> &'static str {
        match self {
            Self::Number(_) => "bigint",
            Self::Numbers(_) => "bigint[]",
            Self::Bytes(_) => "bytea",
            Self::BytesList(_) => "bytea[]",
        }
    }
}

/// A condition in SQL: parts that must all hold, with `?` for each value.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Condition {
    /// Adds a part and its values.
    pub fn and(&mut self, part: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.parts.push(part.into());
        self.values.extend(values);
    }

    /// Adds another condition.
    pub fn and_all(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.values.extend(other.values);
    }

    /// Adds what cannot hold.
    pub fn never(&mut self) {
        self.and("false", []);
    }

    /// In SQL, its values added to those before; without parts it holds always.
    pub fn sql(&self, values: &mut Vec<Value>) -> String {
        if self.parts.is_empty() {
            return "true".to_owned();
        }
        let mut sql = String::new();
        let mut own = self.values.iter();
        for character in self.parts.join(" AND ").chars() {
            match (character, own.as_slice().first()) {
                ('?', Some(value)) => {
                    own.next();
                    values.push(value.clone());
                    let _ = write!(sql, "${}::{}", values.len(), value.sql_type());
                }
                _ => sql.push(character),
            }
        }
        sql
    }
}

/// A filter in SQL. `None`: no row passes.
///
/// All but [`Test::Contains`] say exactly what the filter says; that one may let other rows pass, which are looked at
/// again after they were read.
pub(crate) fn condition(table: &TableDef, filter: &Filter) -> Option<Condition> {
    let at = filter.column;
    let column = ddl::column(table, at);
    let number = is_number(table.columns[at].kind);
    let mut condition = Condition::default();
    match &filter.test {
        Test::Is(Cell::Null) => condition.and(format!("{column} IS NULL"), []),
        Test::Is(cell) => condition.and(format!("{column} = ?"), [Value::of(table, at, cell)?]),
        Test::AnyOf(cells) => any_of(table, at, cells, &mut condition)?,
        // Numbers sort before texts and UUIDs.
        Test::AtLeast(cell) => condition.and(format!("{column} >= ?"), [Value::of(table, at, cell)?]),
        Test::Below(Cell::Null) => return None,
        Test::Below(cell) => match Value::of(table, at, cell) {
            Some(value) => condition.and(format!("{column} < ?"), [value]),
            None => condition.and(format!("{column} IS NOT NULL"), []),
        },
        Test::Prefix(prefix) => {
            let spelled = format!("starts_with({}, encode(?, 'escape'))", spelling(&column, number));
            let all = Value::Bytes(prefix.as_bytes().to_vec());
            if number {
                condition.and(spelled, [all]);
            } else {
                // Texts by their bytes, so that an index can serve; UTF-8 has no byte FF. UUIDs by their spelling.
                let (from, to) = (tagged_text(prefix), [&tagged_text(prefix)[..], &[0xFF]].concat());
                let texts = [Value::Bytes(from), Value::Bytes(to)];
                let uuids = format!("({column} >= '\\x{UUID_TAG:02x}'::bytea AND {spelled})");
                let part = format!("(({column} >= ? AND {column} < ?) OR {uuids})");
                condition.and(part, texts.into_iter().chain([all]));
            }
        }
        Test::Contains(part) => {
            let spelled = format!("lower({} COLLATE \"C\")", spelling(&column, number));
            let part = Value::Bytes(part.to_ascii_lowercase().into_bytes());
            condition.and(format!("strpos({spelled}, encode(?, 'escape')) > 0"), [part]);
        }
    }
    Some(condition)
}

fn any_of(table: &TableDef, at: usize, cells: &[Cell], condition: &mut Condition) -> Option<()> {
    let column = ddl::column(table, at);
    let null = cells.iter().any(Cell::is_null);
    let values = cells.iter().filter_map(|cell| Value::of(table, at, cell));
    let (mut numbers, mut list) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Number(number) => numbers.push(number),
            Value::Bytes(bytes) => list.push(bytes),
            Value::Numbers(_) | Value::BytesList(_) => {}
        }
    }
    if numbers.is_empty() && list.is_empty() {
        return null.then(|| condition.and(format!("{column} IS NULL"), []));
    }
    let wanted = if numbers.is_empty() { Value::BytesList(list) } else { Value::Numbers(numbers) };
    let or_null = if null { format!(" OR {column} IS NULL") } else { String::new() };
    condition.and(format!("({column} = ANY(?){or_null})"), [wanted]);
    Some(())
}

/// How a cell is spelled, as text in which bytes beyond ASCII are escaped.
fn spelling(column: &str, number: bool) -> String {
    if number {
        return format!("{column}::text");
    }
    format!(
        "CASE get_byte({column}, 0) WHEN {UUID_TAG} THEN encode(substr({column}, 2), 'hex')::uuid::text
         ELSE encode(substr({column}, 2), 'escape') END"
    )
}
