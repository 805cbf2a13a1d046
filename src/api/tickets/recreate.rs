//! `POST /v1/tickets/{id}/recreate`

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

/// Make a ticket again that is gone at the other side. It is never made again by itself.
#[utoipa::path(post, path = "/v1/tickets/{id}/recreate", tag = "tickets", params(("id" = String, Path, description = "The ticket's id")),
    responses((status = 201, description = "It is made again", body = Changed), (status = 404, description = "There is no such ticket"), (status = 409, description = "It is not gone")))]
pub async fn recreate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    order(&app, &caller, &id, &headers, ("recreate", b""), &TicketCommand::Recreate).await
}
