//! `GET /v1/controls/{framework}/{control}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query, TypedRow};
use ledger::time::Timestamp;
use ledger_aggregates::values::ControlRef;
use ledger_projections::controls::{CONTROL, CONTROL_HISTORY, CONTROL_SOURCE, ControlRow, status_at};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, NOT_FOUND};
use crate::http::query::Params;

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// The status at this time; now without it.
    #[param(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
}

/// Sources that one answer names.
const SOURCES_MAX: usize = 1000;

/// One control: status, sources, what it asks for. With `as_of`, what its status was at that time.
#[utoipa::path(get, path = "/v1/controls/{framework}/{control}", tag = "controls",
    params(("framework" = String, Path, description = "The framework's id"), ("control" = String, Path, description = "The control's id"), AsOf),
    responses((status = 200, description = "The control", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((framework, control)): Path<(String, String)>,
    Params(when): Params<AsOf>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let control = reference(&framework, &control)?;
    match when.as_of {
        None => now(&app, &caller.tenant, &control).await.map(Json),
        Some(at) => before(&app, &caller.tenant, &control, at).await.map(Json),
    }
}

/// A control out of a path.
///
/// # Errors
/// `not-found`
pub fn reference(framework: &str, control: &str) -> Result<ControlRef, ApiError> {
    ControlRef::new(framework, control).map_err(|error| ApiError::new(NOT_FOUND, error.to_string()))
}

async fn found(app: &App, tenant: &TenantId, control: &ControlRef) -> Result<ControlRow, ApiError> {
    let key = vec![Cell::of(&control.framework), Cell::of(&control.control)];
    let row = app
        .row(&CONTROL, tenant, key)
        .await?
        .ok_or_else(|| ApiError::not_found(format!("control {control}")))?;
    ControlRow::from_row(&row).ok_or_else(|| ApiError::internal("a control's row has another shape"))
}

async fn now(app: &App, tenant: &TenantId, control: &ControlRef) -> Result<Map<String, Value>, ApiError> {
    let row = found(app, tenant, control).await?;
    let mut item = to_json(&CONTROL, &row.to_row());
    // A deadline may have passed a moment before its event: what is asked now is answered for now.
    item.insert("status".into(), json!(status_at(&row, app.clock.now()).as_str()));
    let sources = Query::new(&CONTROL_SOURCE, tenant)
        .is("framework", &control.framework)
        .is("control", &control.control)
        .limit(SOURCES_MAX);
    item.insert("source_results".into(), json!(app.list(sources).await?.items));
    if let Some(index) = row.prose_index {
        for (name, value) in app.opened(tenant, &[index]).await?.into_values().flatten() {
            if let Some(prose) = value.get(control.control.as_str()).filter(|_| name == "prose") {
                item.insert("prose".into(), prose.clone());
            }
        }
    }
    Ok(item)
}

/// The last change at or before a time tells the status then; a deadline that had passed by then makes it stale.
async fn before(
    app: &App,
    tenant: &TenantId,
    control: &ControlRef,
    at: Timestamp,
) -> Result<Map<String, Value>, ApiError> {
    found(app, tenant, control).await?;
    let changes = Query::new(&CONTROL_HISTORY, tenant)
        .is("framework", &control.framework)
        .is("control", &control.control)
        .filter(
            "time",
            ledger::readmodel::Test::Below(Cell::time(at.plus(std::time::Duration::from_micros(1)))),
        )
        .descending()
        .limit(1);
    let last = app.list(changes).await?.items.into_iter().next();
    let mut item = last.unwrap_or_default();
    item.entry("status").or_insert(json!("unknown"));
    item.insert("framework".into(), json!(control.framework.as_str()));
    item.insert("control".into(), json!(control.control.as_str()));
    item.insert("as_of".into(), json!(at));
    Ok(item)
}
