//! Answers queries: walks a plan's path, looks at a bounded number of rows, and says where the next page begins.

use ledger::readmodel::{Cell, Cursor, Direction, Page, Query, Row};
use ledger_store::views::ViewError;

use super::codec::is_number;
use super::condition::Value;
use super::ddl;
use super::link::{Link, corrupt, view_error};
use super::plan::{Plan, plan};
use super::writer::cells;

/// Columns in front of a row's own: does it pass, and the how manieth is it that was looked at?
const AHEAD: usize = 2;

/// One page.
pub(crate) async fn page(
    link: &Link,
    query: &Query,
    order: &[usize],
    generation: i32,
    tenant: i32,
) -> Result<Page, ViewError> {
    let mut page = Page { rows: Vec::new(), next: None };
    let Some(mut plan) = plan(link, query, order, generation, tenant).await? else { return Ok(page) };
    if let Some(after) = &query.after {
        go_on(query, order, after, &mut plan);
    }
    let mut values = Vec::new();
    let sql = sql(query, &plan, generation, &mut values);
    let sql = link.prepared(&sql).await?;
    let values: Vec<_> = values.iter().map(Value::bind).collect();
    let found = link.client.query(&sql, &values).await.map_err(view_error)?;
    let more = found.len() > query.limit;
    let mut last = None;
    for row in &found {
        let passes: bool = row.try_get(0).map_err(corrupt)?;
        let looked_at: i64 = row.try_get(1).map_err(corrupt)?;
        let cells = cells(row, AHEAD, query.table.columns.len())?;
        // The server's answer to some filters lets too many rows pass.
        if passes && query.matches(&cells) {
            if page.rows.len() == query.limit {
                page.next = page.rows.last().map(|last| query.cursor(order, last));
                return Ok(page);
            }
            page.rows.push(Row::new(cells.clone()));
        }
        if looked_at >= scanned(query) {
            page.next = Some(query.cursor(order, &cells));
            return Ok(page);
        }
        last = Some(cells);
    }
    if more {
        page.next = last.map(|last| query.cursor(order, &last));
    }
    Ok(page)
}

fn scanned(query: &Query) -> i64 {
    i64::try_from(query.scan_rows_max).unwrap_or(i64::MAX)
}

/// Gives the rows that pass, one more than a page holds, and the last one that was looked at if it ended there.
fn sql(query: &Query, plan: &Plan, generation: i32, values: &mut Vec<Value>) -> String {
    let direction = if query.direction == Direction::Descending { " DESC" } else { "" };
    let walked: Vec<_> =
        plan.walk.iter().map(|&at| format!("{}{direction}", ddl::column(query.table, at))).collect();
    let order = if walked.is_empty() { String::new() } else { format!("ORDER BY {}", walked.join(", ")) };
    let (columns, name) = (ddl::columns(query.table), ddl::table_name(generation, query.table));
    let (residual, bounds) = (plan.residual.sql(values), plan.bounds.sql(values));
    let (most, limit) = (scanned(query), query.limit + 1);
    // The limit stands outside and inside: the server goes on only until one of them is reached.
    format!(
        "SELECT * FROM (
             SELECT coalesce({residual}, false) AS passes, row_number() OVER ({order}) AS looked_at, {columns}
             FROM {name} WHERE {bounds} {order} LIMIT {most}) AS walked
         WHERE passes OR looked_at = {most} LIMIT {limit}"
    )
}

/// Narrows a plan down to what lies behind the cursor.
fn go_on(query: &Query, order: &[usize], after: &Cursor, plan: &mut Plan) {
    let cells = after.cells();
    let cell_of = |at: usize| {
        let place = order.iter().position(|&column| column == at).unwrap_or(order.len() + at);
        cells.get(place).cloned().unwrap_or_default()
    };
    let mut columns = Vec::new();
    let mut values = Vec::new();
    for &at in &plan.walk {
        let (cell, number) = (cell_of(at), is_number(query.table.columns[at].kind));
        // A cursor of another query may hold anything: it then lies before or behind everything.
        let value = Value::of(query.table, at, &cell).unwrap_or_else(|| match (number, &cell) {
            (true, Cell::Null) => Value::Number(i64::MIN),
            (true, _) => Value::Number(i64::MAX),
            (false, _) => Value::Bytes(Vec::new()),
        });
        columns.push(ddl::column(query.table, at));
        values.push(value);
    }
    if columns.is_empty() {
        // Everything is fixed: there is one row at most, and it was given.
        plan.bounds.never();
        return;
    }
    let marks = vec!["?"; values.len()].join(", ");
    let sign = if query.direction == Direction::Descending { '<' } else { '>' };
    plan.bounds.and(format!("({}) {sign} ({marks})", columns.join(", ")), values);
}
