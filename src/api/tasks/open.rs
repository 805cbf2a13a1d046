//! `POST /v1/tasks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger::time::Timestamp;
use ledger_aggregates::task::{OpenTask as Open, Task, TaskCommand};
use ledger_aggregates::values::{ControlRef, EvidenceId, Severity, TaskId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::{Changed, own_or_new};
use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, INVALID};
use crate::http::body::{Canonical, shape};

/// A task to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenTask {
    /// One line, at most 200 characters (confidential).
    title: String,
    /// What is to be done (confidential).
    text: Option<String>,
    /// `info`, `warning` or `critical`.
    #[schema(example = "warning")]
    severity: String,
    /// When it is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Timestamp>,
    /// The control that it concerns.
    control: Option<TaskControl>,
    /// The evidence that it is about.
    evidence: Option<String>,
}

/// The control that a task concerns.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskControl {
    /// Its framework.
    framework: String,
    /// Its id.
    control: String,
}

/// Open a task by hand. Routes on `task_opened_by_hand` decide whether it becomes a ticket.
#[utoipa::path(post, path = "/v1/tasks", tag = "tasks", request_body = OpenTask,
    responses((status = 201, description = "Opened", body = Changed), (status = 200, description = "Opened before by the same request", body = Changed)))]
pub async fn open(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: OpenTask = shape(canonical.as_bytes())?;
    let control = body.control.map(|control| {
        ControlRef::new(&control.framework, &control.control).map_err(|error| {
            ApiError::new(INVALID, format!("/control: {error}")).at("/control", error.to_string())
        })
    });
    let command = TaskCommand::Open(Open {
        control: control.transpose()?,
        epoch: None,
        evidence: body.evidence.as_deref().map(|id| word::<EvidenceId>("/evidence", id)).transpose()?,
        severity: word::<Severity>("/severity", &body.severity)?,
        due: body.due,
        title: body.title,
        text: body.text,
    });
    let task: TaskId = own_or_new(&app, None)?;
    let thing = (task, task.stream());
    let (status, Json(mut changed)) =
        Changed::by::<Task>(&app, (&caller, &headers), thing, canonical.as_bytes(), &command).await?;
    // A repetition opened nothing: the task is the one of the first time.
    let first = changed.receipt.as_ref().and_then(|receipt| receipt.stream.split_once('-'));
    if let Some((_, id)) = first {
        changed.id = id.to_owned();
    }
    Ok((status, Json(changed)))
}
