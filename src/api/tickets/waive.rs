//! `POST /v1/tickets/{id}/waive`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::ticket::TicketCommand;

use super::order;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Do without a ticket that is gone, or give up one that was never opened. Its task stays.
#[utoipa::path(post, path = "/v1/tickets/{id}/waive", tag = "tickets", params(("id" = String, Path, description = "The ticket's id")),
    responses((status = 201, description = "Waived", body = Changed), (status = 200, description = "It was over before", body = Changed), (status = 404, description = "There is no such ticket"), (status = 409, description = "It is there and kept in step")))]
pub async fn waive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    order(&app, &caller, &id, &headers, ("waive", b""), &TicketCommand::Waive).await
}
