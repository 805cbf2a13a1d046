//! Lists out of read models: filters, pages, and the confidential members joined at read.

use std::collections::BTreeMap;

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Cursor, Kind, Page, Query, Row, TableDef};
use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::error::{ApiError, MALFORMED};
use crate::history::disclose;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Rows on the page, 1 to 1000; 50 without it.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List {
    /// The rows.
    pub items: Vec<Map<String, Value>>,
    /// Where the next page begins; absent on the last one. A page may be short and still have a next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The read models stand for this many entries of the log.
    pub log_size: u64,
}

/// Which rows of a list by their state.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InState {
    /// Only in this state.
    pub state: Option<String>,
}

impl InState {
    /// The rows of a table, the newest first by `column`.
    pub fn newest(&self, table: &'static TableDef, tenant: &TenantId, column: &'static str) -> Query {
        let query = Query::new(table, tenant).order_by(column).descending();
        match &self.state {
            Some(state) => query.is_text("state", state),
            None => query,
        }
    }
}

/// Puts the page's limits into a query.
///
/// # Errors
/// `malformed`
pub fn paged(query: Query, params: &PageParams) -> Result<Query, ApiError> {
    let cursor = params.cursor.as_deref().map(Cursor::from_text).transpose();
    let cursor = cursor.map_err(|error| ApiError::new(MALFORMED, error.to_string()))?;
    Ok(query.after(cursor).limit(params.limit.unwrap_or(ledger::readmodel::PAGE_ROWS)))
}

/// A row as JSON: times as text, nothing for null.
pub fn to_json(table: &TableDef, row: &Row) -> Map<String, Value> {
    let named = table.columns.iter().zip(row.iter());
    named
        .filter(|(_, cell)| !cell.is_null())
        .map(|(column, cell)| (column.name.to_owned(), value(column.kind, cell)))
        .collect()
}

fn value(kind: Kind, cell: &Cell) -> Value {
    match (kind, cell.as_int()) {
        (Kind::Bool, Some(n)) => Value::Bool(n != 0),
        (Kind::Time, Some(n)) => Value::String(Timestamp::from_micros(n).to_string()),
        (_, Some(n)) => Value::from(n),
        (_, None) => Value::String(cell.to_string()),
    }
}

impl App {
    /// Answers a list.
    ///
    /// # Errors
    /// The query or the read models.
    pub async fn list(&self, query: Query) -> Result<List, ApiError> {
        let (table, tenant) = (query.table, query.tenant.clone());
        let Page { rows, next } = self.query(query).await?;
        let items = rows.iter().map(|row| to_json(table, row)).collect();
        Ok(List { items, next: next.map(|cursor| cursor.to_text()), log_size: self.views.log(&tenant).size })
    }

    /// Joins confidential and personal members to rows, by the log index in `column`.
    ///
    /// # Errors
    /// The store, or a disclosure that does not open.
    pub async fn join(
        &self,
        tenant: &TenantId,
        items: &mut [Map<String, Value>],
        column: &str,
        members: &[&str],
    ) -> Result<(), ApiError> {
        let indexes: Vec<u64> =
            items.iter().filter_map(|item| item.get(column).and_then(Value::as_u64)).collect();
        let mut opened = self.opened(tenant, &indexes).await?;
        for item in items {
            let Some(found) =
                item.get(column).and_then(Value::as_u64).and_then(|index| opened.remove(&index))
            else {
                continue;
            };
            for (name, value) in found {
                if members.contains(&name.as_str()) {
                    item.insert(name, value);
                }
            }
        }
        Ok(())
    }

    /// The disclosed members of some entries, by index.
    ///
    /// # Errors
    /// The store, or a disclosure that does not open.
    pub async fn opened(
        &self,
        tenant: &TenantId,
        indexes: &[u64],
    ) -> Result<BTreeMap<u64, Vec<(String, Value)>>, ApiError> {
        let mut events = Vec::with_capacity(indexes.len());
        for index in indexes {
            events.push(crate::history::proof::event(&*self.store, tenant, *index).await?);
        }
        let opened =
            disclose::open(&*self.side, &self.keyring, tenant, &events).await.map_err(ApiError::internal)?;
        let plain = |members: Vec<ledger::disclosure::Disclosure>| {
            members.into_iter().map(|m| (m.name, m.value)).collect()
        };
        Ok(opened.into_iter().map(|(index, members)| (index, plain(members))).collect())
    }
}
