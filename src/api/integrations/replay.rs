//! `POST /v1/integrations/{id}/intents/replay`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger_aggregates::values::IntegrationId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::operate;
use crate::error::ApiError;

/// How much was replayed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    /// Pieces of work.
    replayed: usize,
}

/// Try all parked work of an integration again, at most 1,000 pieces a request.
#[utoipa::path(post, path = "/v1/integrations/{id}/intents/replay", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    responses((status = 200, description = "It is tried again", body = Replayed)))]
pub async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Replayed>, ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    Ok(Json(Replayed { replayed: operate::replay_all(&app, &caller, &id).await? }))
}
