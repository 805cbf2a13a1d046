//! `PATCH /v1/tasks/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::time::Timestamp;
use ledger_aggregates::task::{ChangeTask as Change, TaskCommand};
use ledger_aggregates::values::Severity;
use serde::Deserialize;
use utoipa::ToSchema;

use super::order;
use crate::api::receipt::Changed;
use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// What is another now. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTask {
    /// `info`, `warning` or `critical`.
    severity: Option<String>,
    /// When it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Timestamp>,
    /// One line (confidential).
    title: Option<String>,
    /// What is to be done (confidential).
    text: Option<String>,
}

/// Describe a task otherwise. Its tickets follow.
#[utoipa::path(patch, path = "/v1/tasks/{id}", tag = "tasks", params(("id" = String, Path, description = "The task's id")),
    request_body = ChangeTask, responses((status = 201, description = "Changed", body = Changed), (status = 200, description = "It was so before", body = Changed), (status = 404, description = "There is no such task"), (status = 409, description = "It is closed")))]
pub async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: ChangeTask = shape(canonical.as_bytes())?;
    let command = TaskCommand::Change(Change {
        severity: body.severity.as_deref().map(|text| word::<Severity>("/severity", text)).transpose()?,
        due: body.due,
        title: body.title,
        text: body.text,
        by: None,
    });
    order(&app, &caller, &id, &headers, ("change", canonical.as_bytes()), &command).await
}
