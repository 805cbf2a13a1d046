//! `DELETE /v1/routes/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::route::{Route, RouteCommand};
use ledger_aggregates::values::RouteId;

use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Let a route act no more. What it has brought about stays.
#[utoipa::path(delete, path = "/v1/routes/{id}", tag = "integrations", params(("id" = String, Path, description = "The route's id")),
    responses((status = 201, description = "Removed", body = Changed), (status = 200, description = "Removed before", body = Changed), (status = 404, description = "There was never one")))]
pub async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let id: RouteId = named("route", &id)?;
    let (stream, identity) = (id.stream(), id.to_string());
    let target = (id, stream);
    Changed::by::<Route>(&app, (&caller, &headers), target, identity.as_bytes(), &RouteCommand::Remove).await
}
