//! Which way a query goes through a table.
//!
//! A **path** is the primary key or an index: columns in whose order rows can be walked. It can serve a query if its
//! columns, less those that filters fix, run in the query's order. Among the paths that can, the one that leaves the
//! fewest rows is found by counting a few of them, because SQLite without statistics would guess.

use ledger::readmodel::{Cell, Filter, Kind, Query, QueryError, TableDef, Test};
use ledger_store::views::ViewError;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::dictionary::Texts;
use super::{codec, ddl, view_error};

/// Rows that are counted to compare paths: telling small from large is enough.
const PROBE_ROWS: usize = 1_000;

/// A condition in SQL with `?` for each value.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// Parts that must all hold.
    pub parts: Vec<String>,
    /// Their values, in order.
    pub values: Vec<Value>,
}

impl Condition {
    /// Adds a part and its values.
    pub fn and(&mut self, part: impl Into<String>, values: impl IntoIterator<Item = Value>) {
        self.parts.push(part.into());
        self.values.extend(values);
    }

    /// In SQL; without parts it holds always.
    pub fn sql(&self) -> String {
        if self.parts.is_empty() { "1".to_owned() } else { self.parts.join(" AND ") }
    }
}

/// A chosen way.
#[derive(Debug)]
pub struct Plan {
    /// `INDEXED BY …`, `NOT INDEXED`, or nothing where SQLite must sort.
    pub hint: String,
    /// What the path itself narrows down to.
    pub bounds: Condition,
    /// What is asked of each row on the way.
    pub residual: Condition,
    /// Filters that SQL cannot ask; asked of each row that passed the rest.
    pub late: Vec<Filter>,
    /// Columns that rows are walked by: the query's order and the key, less what filters fix.
    pub walk: Vec<usize>,
}

/// What filters fix to one value.
fn fixed(query: &Query, column: usize) -> Option<&Cell> {
    query.filters.iter().find_map(|filter| match &filter.test {
        Test::Is(cell) if filter.column == column && !cell.is_null() => Some(cell),
        _ => None,
    })
}

struct Candidate {
    index: Option<usize>,
    /// Leading columns that filters fix.
    fixed: Vec<usize>,
}

/// Chooses a way. `None`: no row can pass.
pub fn plan(
    connection: &Connection,
    query: &Query,
    order: &[usize],
    tenant: i64,
    symbols: &Texts,
) -> Result<Option<Plan>, ViewError> {
    let table = query.table;
    let walk: Vec<usize> = distinct(order.iter().copied().chain(0..table.key))
        .filter(|&at| fixed(query, at).is_none())
        .collect();
    let mut candidates = candidates(query, &walk);
    let Some(base) = tenant_bounds(connection, query, tenant)? else { return Ok(None) };
    let chosen = if candidates.len() > 1 {
        cheapest(connection, query, &base, &mut candidates, symbols)?
    } else {
        candidates.pop()
    };
    let Some(chosen) = chosen else {
        // Sorting is fine for tables that fit in memory anyway, and refused for those that do not.
        let unordered = || order.iter().map(|&at| table.columns[at].name).next().unwrap_or(table.name);
        if !table.resident {
            return Err(QueryError::Order { table: table.name, column: unordered() }.into());
        }
        return assemble(query, order, base, String::new(), &[], walked(query, order, &[]), symbols);
    };
    let hint = chosen
        .index
        .map_or("NOT INDEXED".to_owned(), |at| format!("INDEXED BY {}", ddl::index_name(table, at)));
    let walk = walked(query, order, &chosen.fixed);
    assemble(query, order, base, hint, &chosen.fixed, walk, symbols)
}

/// What tells one row on the way from the next: all of the order and the key that the bounds do not fix. A column that a
/// filter fixes behind one that it does not still differs among the rows that are looked at and left out, and a page may
/// end at one of those.
fn walked(query: &Query, order: &[usize], bound: &[usize]) -> Vec<usize> {
    distinct(order.iter().copied().chain(0..query.table.key)).filter(|at| !bound.contains(at)).collect()
}

fn distinct(columns: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    let mut seen = Vec::new();
    columns.filter(move |at| {
        let new = !seen.contains(at);
        seen.push(*at);
        new
    })
}

fn candidates(query: &Query, walk: &[usize]) -> Vec<Candidate> {
    let table = query.table;
    let paths = (0..table.indexes.len()).map(Some).chain([None]);
    paths.filter_map(|index| candidate(query, walk, table, index)).collect()
}

fn candidate(query: &Query, walk: &[usize], table: &TableDef, index: Option<usize>) -> Option<Candidate> {
    let named = index.map_or(&[][..], |at| table.indexes[at].columns);
    let indexed = named.iter().filter_map(|name| table.column(name));
    let path: Vec<usize> = distinct(indexed.chain(0..table.key)).collect();
    let leading: Vec<usize> = path.iter().copied().take_while(|&at| fixed(query, at).is_some()).collect();
    let rest: Vec<usize> = path.iter().copied().filter(|&at| fixed(query, at).is_none()).collect();
    // The indexes of a numbered table do not begin with the tenant: only what they fix whole stays within it.
    let whole = !table.is_numbered() || index.is_none() || leading.len() >= named.len();
    (rest == walk && whole).then_some(Candidate { index, fixed: leading })
}

fn cheapest(
    connection: &Connection,
    query: &Query,
    base: &Condition,
    candidates: &mut Vec<Candidate>,
    symbols: &Texts,
) -> Result<Option<Candidate>, ViewError> {
    // A path that fixes nothing leaves everything: it is only for when there is no other.
    if candidates.iter().any(|candidate| !candidate.fixed.is_empty()) {
        candidates.retain(|candidate| !candidate.fixed.is_empty());
    }
    let mut best: Option<(usize, Candidate)> = None;
    for candidate in candidates.drain(..) {
        let rows = probe(connection, query, base, &candidate, symbols)?;
        if best.as_ref().is_none_or(|(fewest, _)| rows < *fewest) {
            best = Some((rows, candidate));
        }
    }
    Ok(best.map(|(_, candidate)| candidate))
}

fn probe(
    connection: &Connection,
    query: &Query,
    base: &Condition,
    candidate: &Candidate,
    symbols: &Texts,
) -> Result<usize, ViewError> {
    let mut condition = base.clone();
    for &at in &candidate.fixed {
        if !fix(query, at, symbols, &mut condition) {
            return Ok(0);
        }
    }
    let name = ddl::table_name(query.table);
    let hint = candidate
        .index
        .map_or("NOT INDEXED".to_owned(), |at| format!("INDEXED BY {}", ddl::index_name(query.table, at)));
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {name} {hint} WHERE {} LIMIT {PROBE_ROWS})",
        condition.sql()
    );
    let mut statement = connection.prepare_cached(&sql).map_err(view_error)?;
    statement.query_row(params_from_iter(&condition.values), |row| row.get(0)).map_err(view_error)
}

/// Fixes a column to its filter's value; false: no row has it.
fn fix(query: &Query, at: usize, symbols: &Texts, condition: &mut Condition) -> bool {
    let Some(cell) = fixed(query, at) else { return true };
    let table = query.table;
    if table.is_numbered() && at == 0 {
        return true;
    }
    let value = match (table.columns[at].kind, cell) {
        (Kind::Symbol, Cell::Text(text)) => match symbols.number(text) {
            Some(number) => Value::Integer(number),
            None => return false,
        },
        // A number must not be taken for that of a symbol.
        (Kind::Symbol, _) => return false,
        _ => codec::value(cell),
    };
    condition.and(format!("{} = ?", ddl::column(table, at)), [value]);
    true
}

/// The tenant's rows; for a numbered table also what filters say of the key and of the column that rises with it.
fn tenant_bounds(
    connection: &Connection,
    query: &Query,
    tenant: i64,
) -> Result<Option<Condition>, ViewError> {
    let mut condition = Condition::default();
    if !query.table.is_numbered() {
        condition.and("\"t\" = ?", [Value::Integer(tenant)]);
        return Ok(Some(condition));
    }
    let (mut first, mut last) = ddl::row_range(tenant);
    let rising = query.table.rising.and_then(|name| query.table.column(name));
    for Filter { column, test } in &query.filters {
        let row_of = |from: i64| match *column {
            0 => ddl::pack(tenant, from.max(0)).map(Some),
            _ => first_at_least(connection, query.table, *column, from, ddl::row_range(tenant)),
        };
        if *column != 0 && Some(*column) != rising {
            continue;
        }
        match test {
            Test::Is(Cell::Int(n)) if *column == 0 => {
                let row = ddl::pack(tenant, *n).unwrap_or(-1);
                (first, last) = (first.max(row), last.min(row));
            }
            // A key that is no number is nobody's.
            Test::Is(_) if *column == 0 => return Ok(None),
            Test::AtLeast(Cell::Int(n)) => match row_of(*n)? {
                Some(row) => first = first.max(row),
                None => return Ok(None),
            },
            Test::Below(Cell::Int(n)) => {
                if let Some(row) = row_of(*n)? {
                    last = last.min(row - 1);
                }
            }
            _ => {}
        }
    }
    condition.and("\"n\" BETWEEN ? AND ?", [Value::Integer(first), Value::Integer(last)]);
    Ok((first <= last).then_some(condition))
}

/// The first row whose rising column is at least `from`, by bisection: about 40 lookups, and no index to keep.
fn first_at_least(
    connection: &Connection,
    table: &TableDef,
    column: usize,
    from: i64,
    (mut low, high): (i64, i64),
) -> Result<Option<i64>, ViewError> {
    let (name, column) = (ddl::table_name(table), ddl::column(table, column));
    let last = format!("SELECT max(\"n\") FROM {name} WHERE \"n\" BETWEEN ? AND ?");
    let mut last = connection.prepare_cached(&last).map_err(view_error)?;
    let last: Option<i64> = last.query_row([low, high], |row| row.get(0)).map_err(view_error)?;
    let Some(last) = last else { return Ok(None) };
    let next = format!("SELECT \"n\", {column} FROM {name} WHERE \"n\" >= ? ORDER BY \"n\" LIMIT 1");
    let mut next = connection.prepare_cached(&next).map_err(view_error)?;
    let mut reaches = |row: i64| -> Result<(i64, bool), ViewError> {
        let found =
            next.query_row([row], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).map_err(view_error)?;
        Ok((found.0, found.1 >= from))
    };
    let (mut found, reached) = reaches(last)?;
    if !reached {
        return Ok(None);
    }
    // Rows below `low` do not reach it; `found` is the lowest row known that does.
    while low < found {
        let middle = low + (found - low) / 2;
        match reaches(middle)? {
            (row, true) => found = if row >= found { middle } else { row },
            (row, false) => low = row + 1,
        }
    }
    Ok(Some(found))
}

fn assemble(
    query: &Query,
    order: &[usize],
    base: Condition,
    hint: String,
    path_fixed: &[usize],
    walk: Vec<usize>,
    symbols: &Texts,
) -> Result<Option<Plan>, ViewError> {
    let mut plan = Plan { hint, bounds: base, residual: Condition::default(), late: Vec::new(), walk };
    for &at in path_fixed {
        if !fix(query, at, symbols, &mut plan.bounds) {
            return Ok(None);
        }
    }
    for &at in order {
        plan.bounds.and(format!("{} IS NOT NULL", ddl::column(query.table, at)), []);
    }
    let first_walked = plan.walk.first().copied();
    for filter in &query.filters {
        if path_fixed.contains(&filter.column) && matches!(filter.test, Test::Is(_)) {
            // Two filters may fix one column to different values: both must hold.
            if fixed(query, filter.column).is_some_and(|cell| filter.test == Test::Is(cell.clone())) {
                continue;
            }
        }
        match super::select::condition(query.table, filter, symbols) {
            Some(Some(condition)) => {
                let into =
                    if Some(filter.column) == first_walked { &mut plan.bounds } else { &mut plan.residual };
                into.and(condition.sql(), condition.values);
            }
            Some(None) => return Ok(None),
            None => plan.late.push(filter.clone()),
        }
    }
    Ok(Some(plan))
}
