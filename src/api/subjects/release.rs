//! `POST /v1/subjects/{id}/release`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::{StreamId, SubjectId};
use ledger_aggregates::subject::{Subject, SubjectCommand};

use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Allow the erasure of a data subject again.
#[utoipa::path(post, path = "/v1/subjects/{id}/release", tag = "subjects", params(("id" = String, Path, description = "The data subject's opaque id")),
    responses((status = 201, description = "Released", body = Changed), (status = 200, description = "No hold ran", body = Changed)))]
pub async fn release(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let id: SubjectId = named("data subject", &id)?;
    let stream = StreamId::of("subject", &id).map_err(ApiError::internal)?;
    let identity = format!("release {id}");
    Changed::by::<Subject>(
        &app,
        (&caller, &headers),
        (id, stream),
        identity.as_bytes(),
        &SubjectCommand::Release,
    )
    .await
}
