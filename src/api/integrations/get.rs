//! `GET /v1/integrations/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::Cell;
use ledger_aggregates::values::IntegrationId;
use ledger_projections::integrations::INTEGRATION;
use serde_json::{Map, Value};

use crate::api::named;
use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// One integration.
#[utoipa::path(get, path = "/v1/integrations/{id}", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    responses((status = 200, description = "The integration", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    let unknown = || ApiError::not_found(format!("integration {id}"));
    let row = app.row(&INTEGRATION, &caller.tenant, vec![Cell::of(&id)]).await?.ok_or_else(unknown)?;
    let mut items = [to_json(&INTEGRATION, &row)];
    app.join(&caller.tenant, &mut items, "name_index", &["name", "endpoint"]).await?;
    app.join(&caller.tenant, &mut items, "config_index", &["config", "endpoint"]).await?;
    let [item] = items;
    Ok(Json(item))
}
