//! `GET /v1/tasks/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::task::limits::TICKETS_MAX;
use ledger_aggregates::values::TaskId;
use ledger_projections::tasks::TASK;
use ledger_projections::tickets::TICKET;
use serde_json::{Map, Value, json};

use crate::api::named;
use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// One task, with its text and its tickets.
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "tasks", params(("id" = String, Path, description = "The task's id")),
    responses((status = 200, description = "The task", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let id: TaskId = named("task", &id)?;
    let unknown = || ApiError::not_found(format!("task {id}"));
    let row = app.row(&TASK, &caller.tenant, vec![Cell::of(&id)]).await?.ok_or_else(unknown)?;
    let mut items = [to_json(&TASK, &row)];
    app.join(&caller.tenant, &mut items, "opened_index", &["text"]).await?;
    app.join(&caller.tenant, &mut items, "title_index", &["title", "text"]).await?;
    app.join(&caller.tenant, &mut items, "assignee_index", &["assignee"]).await?;
    let [mut item] = items;
    let query = Query::new(&TICKET, &caller.tenant).is("task", &id).limit(TICKETS_MAX);
    let mut tickets = app.list(query).await?.items;
    app.join(&caller.tenant, &mut tickets, "remote_index", &["remote"]).await?;
    item.insert("ticket_rows".into(), json!(tickets));
    Ok(Json(item))
}
