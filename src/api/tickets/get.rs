//! `GET /v1/tickets/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::ticket::{Ticket, TicketValues};
use ledger_aggregates::values::{TicketId, ValueMac};
use ledger_projections::tickets::{ConflictRow, TICKET, TICKET_CONFLICT};
use serde_json::{Map, Value, json};

use super::timeline;
use crate::api::named;
use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Conflicts that one answer names: a ticket has fewer fields.
const CONFLICTS_MAX: usize = 100;

/// One field that both sides changed, in clear.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// The field, and since when.
    pub row: ConflictRow,
    /// The value when both sides last agreed.
    pub base: Option<Value>,
    /// Our value.
    pub ours: Option<Value>,
    /// Their value.
    pub theirs: Option<Value>,
}

/// A ticket's values in clear, as its stream discloses them.
///
/// # Errors
/// The store.
pub async fn values(app: &App, tenant: &TenantId, ticket: TicketId) -> Result<TicketValues, ApiError> {
    let mut values = TicketValues::default();
    for told in app.told::<Ticket>(tenant, &ticket.stream()).await? {
        values.fold(&told.event, &told.members);
    }
    Ok(values)
}

/// The conflicts of a ticket that wait for a decision, with the values of both sides.
///
/// # Errors
/// The read models.
pub async fn conflicts(
    app: &App,
    tenant: &TenantId,
    ticket: TicketId,
    values: &TicketValues,
) -> Result<Vec<Conflict>, ApiError> {
    use ledger::readmodel::TypedRow;
    let query = Query::new(&TICKET_CONFLICT, tenant).is("ticket", &ticket).limit(CONFLICTS_MAX);
    let value = |mac: &ValueMac| values.value(mac).cloned();
    let rows = app.query(query).await?.rows;
    let typed = rows.iter().filter_map(|row| ConflictRow::from_row(row));
    let conflict = |row: ConflictRow| Conflict {
        base: row.base.as_ref().and_then(value),
        ours: value(&row.ours),
        theirs: value(&row.theirs),
        row,
    };
    Ok(typed.map(conflict).collect())
}

/// One ticket: both sides' values, the conflicts that wait for a decision, and what happened, newest first.
#[utoipa::path(get, path = "/v1/tickets/{id}", tag = "tickets", params(("id" = String, Path, description = "The ticket's id")),
    responses((status = 200, description = "The ticket", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let id: TicketId = named("ticket", &id)?;
    let tenant = &caller.tenant;
    let unknown = || ApiError::not_found(format!("ticket {id}"));
    let row = app.row(&TICKET, tenant, vec![Cell::of(&id)]).await?.ok_or_else(unknown)?;
    let mut items = [to_json(&TICKET, &row)];
    app.join(tenant, &mut items, "remote_index", &["remote"]).await?;
    let [mut item] = items;
    let values = values(&app, tenant, id).await?;
    item.insert("ours".into(), values.ours().into());
    item.insert("theirs".into(), values.theirs().into());
    let conflicts = conflicts(&app, tenant, id, &values).await?;
    item.insert("conflict_rows".into(), conflicts.iter().map(told).collect());
    item.insert("timeline".into(), json!(timeline::of(&app, tenant, &id.stream()).await?));
    Ok(Json(item))
}

fn told(conflict: &Conflict) -> Value {
    json!({
        "field": conflict.row.field.as_str(), "since": conflict.row.since,
        "base": conflict.base, "ours": conflict.ours, "theirs": conflict.theirs,
    })
}
