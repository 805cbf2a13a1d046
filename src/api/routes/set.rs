//! `PUT /v1/routes/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::route::{Route, RouteCommand, RouteRule};
use ledger_aggregates::values::{ConflictPolicy, RouteId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::Changed;
use crate::api::{named, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// What a route says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoute {
    /// `control_failed` or `task_opened_by_hand`.
    on: String,
    /// Only what concerns this framework.
    framework: Option<String>,
    /// Only what concerns this control.
    control: Option<String>,
    /// Only what is at least this severe.
    severity_min: Option<String>,
    /// `open_ticket` or `open_task`.
    action: String,
    /// The integration that tickets go to.
    integration: Option<String>,
    /// What happens to a field that both sides changed: `ours`, `theirs` or `hold` (without it).
    conflict: Option<String>,
    /// How severe its tasks are; as severe as what they are about without it.
    severity: Option<String>,
    /// When its tasks are due, in seconds after they are opened.
    due_seconds: Option<u32>,
}

/// Let a route say this from here on. It says nothing about what happened before.
#[utoipa::path(put, path = "/v1/routes/{id}", tag = "integrations", params(("id" = String, Path, description = "The route's id")),
    request_body = SetRoute, responses((status = 201, description = "Set", body = Changed), (status = 200, description = "It was so before", body = Changed)))]
pub async fn set(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: SetRoute = shape(canonical.as_bytes())?;
    let id: RouteId = named("route", &id)?;
    fn given<T: std::str::FromStr<Err: std::fmt::Display>>(
        pointer: &str,
        text: Option<&String>,
    ) -> Result<Option<T>, ApiError> {
        text.map(|text| word(pointer, text)).transpose()
    }
    let rule = RouteRule {
        on: word("/on", &body.on)?,
        framework: given("/framework", body.framework.as_ref())?,
        control: given("/control", body.control.as_ref())?,
        severity_min: given("/severity_min", body.severity_min.as_ref())?,
        action: word("/action", &body.action)?,
        integration: given("/integration", body.integration.as_ref())?,
        conflict: given("/conflict", body.conflict.as_ref())?.unwrap_or(ConflictPolicy::Hold),
        severity: given("/severity", body.severity.as_ref())?,
        due_seconds: body.due_seconds,
    };
    let (stream, command) = (id.stream(), RouteCommand::Set(rule));
    Changed::by::<Route>(&app, (&caller, &headers), (id, stream), canonical.as_bytes(), &command).await
}
