//! Answers queries: walks a plan's path, looks at a bounded number of rows, and says where the next page begins.

use ledger::readmodel::{Cell, Cursor, Direction, Filter, Kind, Page, Query, Row, TableDef, Test};
use ledger_store::views::ViewError;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::codec::{self, Decoder};
use super::dictionary::Texts;
use super::plan::{Condition, Plan, plan};
use super::{ddl, view_error};

/// One page.
pub fn page(
    connection: &Connection,
    query: &Query,
    order: &[usize],
    tenant: i64,
    symbols: &Texts,
) -> Result<Page, ViewError> {
    let mut page = Page { rows: Vec::new(), next: None };
    let Some(mut plan) = plan(connection, query, order, tenant, symbols)? else { return Ok(page) };
    if let Some(after) = &query.after {
        go_on(query, order, tenant, after, &mut plan)?;
    }
    let decoder = Decoder::new(query.table, symbols, 1);
    let mut statement = connection.prepare_cached(&sql(query, &plan)).map_err(view_error)?;
    let values = plan.residual.values.iter().chain(&plan.bounds.values);
    let mut rows = statement.query(params_from_iter(values)).map_err(view_error)?;
    let mut looked_at = 0;
    while let Some(row) = rows.next().map_err(view_error)? {
        looked_at += 1;
        let passes: bool = row.get::<_, Option<bool>>(0).map_err(view_error)?.unwrap_or(false);
        let found = if passes { Some(decoder.cells(row)?) } else { None };
        let found = found.filter(|cells| plan.late.iter().all(|late| late.test.passes(&cells[late.column])));
        match found {
            Some(_) if page.rows.len() == query.limit => {
                page.next = page.rows.last().map(|last| query.cursor(order, last));
                break;
            }
            Some(cells) => page.rows.push(Row::new(cells)),
            None => {}
        }
        if looked_at >= query.scan_rows_max {
            page.next = Some(query.cursor(order, &decoder.cells(row)?));
            break;
        }
    }
    Ok(page)
}

fn sql(query: &Query, plan: &Plan) -> String {
    let direction = if query.direction == Direction::Descending { " DESC" } else { "" };
    let walked: Vec<_> =
        plan.walk.iter().map(|&at| format!("{}{direction}", ddl::column(query.table, at))).collect();
    let order = if walked.is_empty() { String::new() } else { format!(" ORDER BY {}", walked.join(", ")) };
    format!(
        "SELECT {}, {} FROM {} {} WHERE {}{order}",
        plan.residual.sql(),
        ddl::columns(query.table),
        ddl::table_name(query.table),
        plan.hint,
        plan.bounds.sql(),
    )
}

/// Narrows a plan down to what lies behind the cursor.
fn go_on(
    query: &Query,
    order: &[usize],
    tenant: i64,
    after: &Cursor,
    plan: &mut Plan,
) -> Result<(), ViewError> {
    let cells = after.cells();
    let key = order.len();
    let cell_of = |at: usize| {
        let place = order.iter().position(|&column| column == at).unwrap_or(key + at);
        cells.get(place).cloned().unwrap_or_default()
    };
    if plan.walk.is_empty() {
        // Everything is fixed: there is one row at most, and it was given.
        plan.bounds.and("0", []);
        return Ok(());
    }
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for &at in &plan.walk {
        columns.push(ddl::column(query.table, at));
        values.push(match cell_of(at) {
            Cell::Int(n) if at == 0 && query.table.is_numbered() => Value::Integer(ddl::pack(tenant, n)?),
            cell => codec::value(&cell),
        });
    }
    let marks = vec!["?"; values.len()].join(", ");
    let sign = if query.direction == Direction::Descending { '<' } else { '>' };
    plan.bounds.and(format!("({}) {sign} ({marks})", columns.join(", ")), values);
    Ok(())
}

/// One row by its key.
pub fn row(
    connection: &Connection,
    table: &'static TableDef,
    tenant: i64,
    key: &[Cell],
    symbols: &Texts,
) -> Result<Option<Row>, ViewError> {
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        ddl::columns(table),
        ddl::table_name(table),
        ddl::by_key(table)
    );
    let mut statement = connection.prepare_cached(&sql).map_err(view_error)?;
    let values: Vec<Value> = if table.is_numbered() {
        let Some(number) = key.first().and_then(Cell::as_int) else { return Ok(None) };
        vec![Value::Integer(ddl::pack(tenant, number)?)]
    } else {
        std::iter::once(Value::Integer(tenant)).chain(key.iter().map(codec::value)).collect()
    };
    if values.len() != statement.parameter_count() {
        return Ok(None);
    }
    let mut rows = statement.query(params_from_iter(values)).map_err(view_error)?;
    let Some(row) = rows.next().map_err(view_error)? else { return Ok(None) };
    Decoder::new(table, symbols, 0).cells(row).map(|cells| Some(Row::new(cells)))
}

/// A filter in SQL. Nothing inside: no row passes. Nothing at all: SQL cannot ask it.
#[expect(clippy::option_option, reason = "the two kinds of nothing are told apart at the one place of use")]
pub fn condition(table: &TableDef, filter: &Filter, symbols: &Texts) -> Option<Option<Condition>> {
    let at = filter.column;
    if table.is_numbered() && at == 0 {
        // The row number holds the tenant too.
        return key_condition(&filter.test).map(Some);
    }
    let column = ddl::column(table, at);
    let kind = table.columns[at].kind;
    let mut condition = Condition::default();
    if let Test::Is(Cell::Null) = filter.test {
        condition.and(format!("{column} IS NULL"), []);
        return Some(Some(condition));
    }
    if kind == Kind::Symbol {
        let numbers = symbols.numbers_where(|text| filter.test.passes(&Cell::Text(text.clone())));
        let null = matches!(&filter.test, Test::AnyOf(cells) if cells.contains(&Cell::Null));
        if numbers.is_empty() && !null {
            return Some(None);
        }
        let list: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let or_null = if null { format!(" OR {column} IS NULL") } else { String::new() };
        condition.and(format!("({column} IN ({}){or_null})", list.join(", ")), []);
        return Some(Some(condition));
    }
    match &filter.test {
        Test::Is(cell) => condition.and(format!("{column} = ?"), [codec::value(cell)]),
        Test::AtLeast(cell) => condition.and(format!("{column} >= ?"), [codec::value(cell)]),
        Test::Below(cell) => condition.and(format!("{column} < ?"), [codec::value(cell)]),
        Test::Prefix(prefix) if kind == Kind::Text => {
            let end = format!("{prefix}\u{10FFFF}");
            condition.and(
                format!("{column} >= ? AND {column} < ?"),
                [Value::Text(prefix.clone()), Value::Text(end)],
            );
        }
        Test::AnyOf(_) | Test::Prefix(_) | Test::Contains(_) => return None,
    }
    Some(Some(condition))
}

fn key_condition(test: &Test) -> Option<Condition> {
    let mut condition = Condition::default();
    let mask = ddl::unpack(-1);
    match test {
        // The bounds of the row number say it already.
        Test::Is(Cell::Int(_)) | Test::AtLeast(Cell::Int(_)) | Test::Below(Cell::Int(_)) => {}
        Test::AnyOf(cells) => {
            let numbers: Vec<_> = cells.iter().filter_map(Cell::as_int).map(|n| n.to_string()).collect();
            condition.and(format!("(\"n\" & {mask}) IN ({})", numbers.join(", ")), []);
        }
        _ => return None,
    }
    Some(condition)
}
