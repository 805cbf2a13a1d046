//! `POST /v1/alerts/{id}/{action}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::alert::{Alert, AlertCommand};
use ledger_aggregates::values::{AlertId, AlertResolution};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, NOT_FOUND};
use crate::http::body::{Canonical, shape};

/// What is said about it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActOnAlert {
    /// In words (confidential).
    note: Option<String>,
}

/// Acknowledge or resolve an alert.
#[utoipa::path(post, path = "/v1/alerts/{id}/{action}", tag = "alerts",
    params(("id" = String, Path, description = "The alert's id"), ("action" = String, Path, description = "acknowledge or resolve")),
    request_body = ActOnAlert,
    responses((status = 201, description = "Done", body = Changed), (status = 200, description = "It was so before", body = Changed)))]
pub async fn act(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, action)): Path<(String, String)>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: ActOnAlert = shape(canonical.as_bytes())?;
    let id: AlertId = named("alert", &id)?;
    let command = match action.as_str() {
        "acknowledge" => AlertCommand::Acknowledge { note: body.note },
        "resolve" => AlertCommand::Resolve { reason: AlertResolution::Closed, note: body.note },
        _ => {
            return Err(ApiError::new(NOT_FOUND, format!("there is no action {action:?}"))
                .hint("the actions are acknowledge and resolve"));
        }
    };
    let identity = [action.as_bytes(), canonical.as_bytes()].concat();
    let stream = id.stream();
    Changed::by::<Alert>(&app, (&caller, &headers), (id, stream), &identity, &command).await
}
