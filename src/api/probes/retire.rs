//! `POST /v1/probes/{id}/retire`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::probe::{Probe, ProbeCommand};
use ledger_aggregates::values::{ProbeId, RetireReason};

use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Let a probe be over: its silence is no longer an alert.
#[utoipa::path(post, path = "/v1/probes/{id}/retire", tag = "probes", params(("id" = String, Path, description = "The probe's id")),
    responses((status = 201, description = "Retired", body = Changed), (status = 200, description = "It had been retired", body = Changed)))]
pub async fn retire(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let id: ProbeId = named("probe", &id)?;
    let stream = id.stream();
    let identity = format!("retire {id}");
    Changed::by::<Probe>(
        &app,
        (&caller, &headers),
        (id, stream),
        identity.as_bytes(),
        &ProbeCommand::Retire { reason: RetireReason::Requested },
    )
    .await
}
