//! Which way a query goes through a table.
//!
//! A **path** is the primary key or an index: columns in whose order rows can be walked. It can serve a query if its
//! columns, less those that filters fix, run in the query's order. Among the paths that can, the one that leaves the
//! fewest rows is found by counting a few of them. What the path narrows down to is asked in `WHERE`; everything else is
//! asked of each row on the way, of which only so many are looked at for one page. The server thus has one good plan:
//! see [`super::link`].

use ledger::readmodel::{Cell, Filter, Query, QueryError, TableDef, Test};
use ledger_store::views::ViewError;

use super::condition::{Condition, Value, condition};
use super::ddl;
use super::link::{Link, corrupt, view_error};

/// Rows that are counted to compare paths: telling small from large is enough.
const PROBE_ROWS: usize = 1_000;

/// A chosen way.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What the path itself narrows down to.
    pub bounds: Condition,
    /// What is asked of each row on the way.
    pub residual: Condition,
    /// Columns that rows are walked by: the query's order and the key, less what the bounds fix.
    pub walk: Vec<usize>,
}

/// What filters fix to one value.
fn fixed(query: &Query, column: usize) -> Option<&Cell> {
    query.filters.iter().find_map(|filter| match &filter.test {
        Test::Is(cell) if filter.column == column && !cell.is_null() => Some(cell),
        _ => None,
    })
}

/// Leading columns of a path that filters fix.
type Fixed = Vec<usize>;

/// Chooses a way through a generation's table. `None`: no row can pass.
pub(crate) async fn plan(
    link: &Link,
    query: &Query,
    order: &[usize],
    generation: i32,
    tenant: i32,
) -> Result<Option<Plan>, ViewError> {
    let table = query.table;
    let name = ddl::table_name(generation, table);
    let walk: Vec<usize> = distinct(order.iter().copied().chain(0..table.key))
        .filter(|&at| fixed(query, at).is_none())
        .collect();
    let candidates = candidates(query, &walk);
    let base = tenant_bounds(query, &name, tenant);
    if candidates.is_empty() {
        // Sorting is fine for tables that fit in memory anyway, and refused for those that do not.
        let unordered = order.iter().map(|&at| table.columns[at].name).next().unwrap_or(table.name);
        if !table.resident {
            return Err(QueryError::Order { table: table.name, column: unordered }.into());
        }
        return Ok(assemble(query, order, base, &[]));
    }
    let chosen = cheapest(link, query, &name, &base, candidates).await?;
    Ok(assemble(query, order, base, &chosen))
}

fn distinct(columns: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    let mut seen = Vec::new();
    columns.filter(move |at| {
        let new = !seen.contains(at);
        seen.push(*at);
        new
    })
}

fn candidates(query: &Query, walk: &[usize]) -> Vec<Fixed> {
    let table = query.table;
    let paths = table.indexes.iter().map(|index| index.columns).chain([&[][..]]);
    paths.filter_map(|path| candidate(query, walk, table, path)).collect()
}

fn candidate(query: &Query, walk: &[usize], table: &TableDef, path: &[&str]) -> Option<Fixed> {
    let indexed = path.iter().filter_map(|name| table.column(name));
    let path: Vec<usize> = distinct(indexed.chain(0..table.key)).collect();
    let leading = path.iter().copied().take_while(|&at| fixed(query, at).is_some()).collect();
    let rest = path.iter().copied().filter(|&at| fixed(query, at).is_none());
    rest.eq(walk.iter().copied()).then_some(leading)
}

async fn cheapest(
    link: &Link,
    query: &Query,
    name: &str,
    base: &Condition,
    mut candidates: Vec<Fixed>,
) -> Result<Fixed, ViewError> {
    // A path that fixes nothing leaves everything: it is only for when there is no other.
    if candidates.iter().any(|fixed| !fixed.is_empty()) {
        candidates.retain(|fixed| !fixed.is_empty());
    }
    if candidates.len() == 1 {
        return Ok(candidates.remove(0));
    }
    let mut best: Option<(i64, Fixed)> = None;
    for candidate in candidates {
        let rows = probe(link, query, name, base, &candidate).await?;
        if best.as_ref().is_none_or(|(fewest, _)| rows < *fewest) {
            best = Some((rows, candidate));
        }
    }
    Ok(best.map(|(_, candidate)| candidate).unwrap_or_default())
}

async fn probe(
    link: &Link,
    query: &Query,
    name: &str,
    base: &Condition,
    candidate: &Fixed,
) -> Result<i64, ViewError> {
    let mut condition = base.clone();
    for &at in candidate {
        if !fix(query, at, &mut condition) {
            return Ok(0);
        }
    }
    let mut values = Vec::new();
    let condition = condition.sql(&mut values);
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {condition} LIMIT {PROBE_ROWS}) AS counted"
    );
    let sql = link.prepared(&sql).await?;
    let values: Vec<_> = values.iter().map(Value::bind).collect();
    link.client.query_one(&sql, &values).await.map_err(view_error)?.try_get(0).map_err(corrupt)
}

/// Fixes a column to its filter's value; false: no row has it.
fn fix(query: &Query, at: usize, condition: &mut Condition) -> bool {
    let Some(cell) = fixed(query, at) else { return true };
    let Some(value) = Value::of(query.table, at, cell) else { return false };
    condition.and(format!("{} = ?", ddl::column(query.table, at)), [value]);
    true
}

/// The tenant's rows, and what filters say of the column that rises with the key, as bounds of the key.
fn tenant_bounds(query: &Query, name: &str, tenant: i32) -> Condition {
    let tenant = Value::Number(tenant.into());
    let mut condition = Condition::default();
    condition.and("t = ?", [tenant.clone()]);
    let rising = query.table.rising.and_then(|rising| query.table.column(rising));
    for Filter { column, test } in &query.filters {
        if Some(*column) != rising {
            continue;
        }
        let first = first_at_least(query.table, *column, name);
        let values = |bound: i64| {
            let (tenant, bound) = (tenant.clone(), Value::Number(bound));
            [tenant.clone(), tenant.clone(), bound.clone(), bound.clone(), bound, tenant]
        };
        let key = ddl::column(query.table, 0);
        match test {
            Test::AtLeast(Cell::Int(from)) => condition.and(format!("{key} >= ({first})"), values(*from)),
            Test::Below(Cell::Int(to)) => {
                let end = format!("{key} < coalesce(({first}), {})", i64::MAX);
                condition.and(end, values(*to));
            }
            _ => {}
        }
    }
    condition
}

/// The first key whose rising column is at least a bound, null if there is none: by bisection, about 40 lookups in the
/// primary key, and no index to keep. Rows below `low` do not reach it; what begins at `high` does. Its values are twice
/// the tenant, three times the bound, and the tenant.
fn first_at_least(table: &TableDef, column: usize, name: &str) -> String {
    let (key, rising) = (ddl::column(table, 0), ddl::column(table, column));
    let ends = |direction: &str| {
        format!("SELECT {key} AS k, {rising} AS r FROM {name} WHERE t = ? ORDER BY {key} {direction} LIMIT 1")
    };
    let (first, last) = (ends("ASC"), ends("DESC"));
    format!(
        "WITH RECURSIVE halves AS (
             SELECT f.k AS low, l.k AS high FROM ({first}) AS f, ({last}) AS l WHERE l.r >= ?
             UNION ALL
             SELECT CASE WHEN m.r >= ? THEN s.low ELSE m.k + 1 END,
                    CASE WHEN m.r >= ? THEN s.low + (s.high - s.low) / 2 ELSE s.high END
             FROM halves s, LATERAL (SELECT {key} AS k, {rising} AS r FROM {name}
                 WHERE t = ? AND {key} >= s.low + (s.high - s.low) / 2 ORDER BY {key} LIMIT 1) AS m
             WHERE s.low < s.high)
         SELECT high FROM halves WHERE low >= high"
    )
}

fn assemble(query: &Query, order: &[usize], base: Condition, path: &[usize]) -> Option<Plan> {
    let table = query.table;
    // What tells one row on the way from the next: all of the order and the key that the bounds do not fix. A column
    // that a filter fixes behind one that it does not still differs among the rows that are looked at and left out, and
    // a page may end at one of those.
    let walk = distinct(order.iter().copied().chain(0..table.key)).filter(|at| !path.contains(at)).collect();
    let mut plan = Plan { bounds: base, residual: Condition::default(), walk };
    for &at in path {
        if !fix(query, at, &mut plan.bounds) {
            return None;
        }
    }
    for &at in order {
        plan.bounds.and(format!("{} IS NOT NULL", ddl::column(table, at)), []);
    }
    let first_walked = plan.walk.first().copied();
    for filter in &query.filters {
        // Two filters may fix one column to different values: both must hold.
        if path.contains(&filter.column)
            && fixed(query, filter.column).is_some_and(|cell| filter.test == Test::Is(cell.clone()))
        {
            continue;
        }
        let condition = condition(table, filter)?;
        let in_order = Some(filter.column) == first_walked;
        if in_order { &mut plan.bounds } else { &mut plan.residual }.and_all(condition);
    }
    Some(plan)
}
