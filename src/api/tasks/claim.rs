//! `POST /v1/tasks/{id}/claim`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::task::TaskCommand;
use ledger_aggregates::values::ClaimSource;
use serde::Deserialize;
use utoipa::ToSchema;

use super::order;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// What was done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimTask {
    /// In words (confidential).
    note: Option<String>,
}

/// Say that a task is done. It is a claim: only evidence closes the task of a control that fails.
#[utoipa::path(post, path = "/v1/tasks/{id}/claim", tag = "tasks", params(("id" = String, Path, description = "The task's id")),
    request_body = ClaimTask, responses((status = 201, description = "Claimed", body = Changed), (status = 200, description = "It is closed already", body = Changed), (status = 404, description = "There is no such task")))]
pub async fn claim(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: ClaimTask = shape(canonical.as_bytes())?;
    let command = TaskCommand::Claim { by: ClaimSource::User, ticket: None, note: body.note };
    order(&app, &caller, &id, &headers, ("claim", canonical.as_bytes()), &command).await
}
