//! `GET /v1/probes/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::Cell;
use ledger_aggregates::values::ProbeId;
use ledger_projections::probes::PROBE;
use serde_json::{Map, Value};

use crate::api::named;
use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// One probe.
#[utoipa::path(get, path = "/v1/probes/{id}", tag = "probes", params(("id" = String, Path, description = "The probe's id")),
    responses((status = 200, description = "The probe", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let id: ProbeId = named("probe", &id)?;
    let unknown = || ApiError::not_found(format!("probe {id}"));
    let row = app.row(&PROBE, &caller.tenant, vec![Cell::of(&id)]).await?.ok_or_else(unknown)?;
    let mut items = [to_json(&PROBE, &row)];
    app.join(&caller.tenant, &mut items, "name_index", &["name"]).await?;
    let [item] = items;
    Ok(Json(item))
}
