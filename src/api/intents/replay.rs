//! `POST /v1/intents/{id}/replay`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::values::IntentId;

use crate::api::receipt::Changed;
use crate::api::{command_id, named};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::operate;
use crate::error::ApiError;

/// Try a piece of parked work again.
#[utoipa::path(post, path = "/v1/intents/{id}/replay", tag = "integrations", params(("id" = String, Path, description = "The intent's id")),
    responses((status = 201, description = "It is tried again", body = Changed), (status = 409, description = "It is not parked")))]
pub async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let intent: IntentId = named("intent", &id)?;
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let done = operate::replay(&app, &caller, id, intent).await?;
    Changed::of(&app, &caller.tenant, intent, &done).await
}
