//! `GET /v1/intents/{id}/preview`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger_aggregates::values::IntentId;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::operate::{self, Shown};
use crate::error::ApiError;

/// The exact request that a piece of work would send first. Nothing is sent, and no credential is shown.
#[utoipa::path(get, path = "/v1/intents/{id}/preview", tag = "integrations", params(("id" = String, Path, description = "The intent's id")),
    responses((status = 200, description = "The request", body = Object), (status = 404, description = "There is no such intent"), (status = 409, description = "It would send nothing")))]
pub async fn preview(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Shown>, ApiError> {
    let id: IntentId = named("intent", &id)?;
    operate::preview(&app, &caller.tenant, id).await.map(Json)
}
