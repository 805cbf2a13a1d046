//! `POST /v1/subjects/{id}/hold`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::{StreamId, SubjectId};
use ledger::time::Timestamp;
use ledger_aggregates::subject::{Subject, SubjectCommand};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::Changed;
use crate::api::{named, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// Why data must be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldSubject {
    /// Until when (RFC 3339); absent: until it is released.
    until: Option<String>,
    /// Why: a litigation, a statute (confidential).
    reason: String,
}

/// Forbid the erasure of a data subject for now.
#[utoipa::path(post, path = "/v1/subjects/{id}/hold", tag = "subjects", params(("id" = String, Path, description = "The data subject's opaque id")),
    request_body = HoldSubject,
    responses((status = 201, description = "Held", body = Changed), (status = 409, description = "It is erased")))]
pub async fn hold(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: HoldSubject = shape(canonical.as_bytes())?;
    let id: SubjectId = named("data subject", &id)?;
    let until = body.until.map(|until| word::<Timestamp>("/until", &until)).transpose()?;
    let command = SubjectCommand::Hold { until, reason: body.reason };
    let stream = StreamId::of("subject", &id).map_err(ApiError::internal)?;
    let identity = [b"hold ", canonical.as_bytes()].concat();
    Changed::by::<Subject>(&app, (&caller, &headers), (id, stream), &identity, &command).await
}
