//! `POST /v1/intents/{id}/cancel`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::intent::{Intent, IntentCommand};
use ledger_aggregates::values::{CancelReason, IntentId};

use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Let a piece of work that waits not be carried out any more.
#[utoipa::path(post, path = "/v1/intents/{id}/cancel", tag = "integrations", params(("id" = String, Path, description = "The intent's id")),
    responses((status = 201, description = "Cancelled", body = Changed), (status = 200, description = "It was so before", body = Changed), (status = 404, description = "There is none"), (status = 409, description = "It is under way or over")))]
pub async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let intent: IntentId = named("intent", &id)?;
    let identity = format!("cancel {intent}");
    let command = IntentCommand::Cancel { reason: CancelReason::Requested };
    let thing = (intent, intent.stream());
    Changed::by::<Intent>(&app, (&caller, &headers), thing, identity.as_bytes(), &command).await
}
