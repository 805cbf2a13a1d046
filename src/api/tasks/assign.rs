//! `POST /v1/tasks/{id}/assign`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::{SubjectId, uuid_v7};
use ledger_aggregates::task::TaskCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::order;
use crate::api::receipt::Changed;
use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// Who is to do it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignTask {
    /// Their name or address (personal).
    assignee: String,
    /// The data subject that the person is, if you keep such ids; a new one without it.
    subject: Option<String>,
}

/// Let somebody do a task.
#[utoipa::path(post, path = "/v1/tasks/{id}/assign", tag = "tasks", params(("id" = String, Path, description = "The task's id")),
    request_body = AssignTask, responses((status = 201, description = "Assigned", body = Changed), (status = 404, description = "There is no such task"), (status = 409, description = "It is closed")))]
pub async fn assign(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: AssignTask = shape(canonical.as_bytes())?;
    let subject = match &body.subject {
        Some(text) => word::<SubjectId>("/subject", text)?,
        None => word("/subject", &uuid_v7(&*app.clock, &*app.entropy).to_string())?,
    };
    let command = TaskCommand::Assign { subject, assignee: body.assignee };
    order(&app, &caller, &id, &headers, ("assign", canonical.as_bytes()), &command).await
}
