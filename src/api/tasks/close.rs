//! `POST /v1/tasks/{id}/close`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::time::Timestamp;
use ledger_aggregates::task::TaskCommand;
use ledger_aggregates::values::{CloseReason, EvidenceId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::order;
use crate::api::receipt::Changed;
use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// Why a task is over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseTask {
    /// `evidence`, `cancelled` or `accepted_risk`.
    #[schema(example = "accepted_risk")]
    reason: String,
    /// The evidence that shows it, for the reason `evidence`.
    evidence: Option<String>,
    /// Until when the risk is accepted; for good without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// In words (confidential).
    note: Option<String>,
}

/// Let a task be over: called off, shown by evidence, or because its risk is accepted, perhaps until a day.
#[utoipa::path(post, path = "/v1/tasks/{id}/close", tag = "tasks", params(("id" = String, Path, description = "The task's id")),
    request_body = CloseTask, responses((status = 201, description = "Closed", body = Changed), (status = 200, description = "It was closed before", body = Changed), (status = 404, description = "There is no such task"), (status = 409, description = "Only evidence closes it")))]
pub async fn close(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: CloseTask = shape(canonical.as_bytes())?;
    let command = TaskCommand::Close {
        reason: word::<CloseReason>("/reason", &body.reason)?,
        evidence: body.evidence.as_deref().map(|id| word::<EvidenceId>("/evidence", id)).transpose()?,
        until: body.until,
        note: body.note,
    };
    order(&app, &caller, &id, &headers, ("close", canonical.as_bytes()), &command).await
}
