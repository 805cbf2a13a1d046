//! `POST /v1/probes/{id}/heartbeat`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::time::Timestamp;
use ledger_aggregates::probe::{Heartbeat, Probe, ProbeCommand};
use ledger_aggregates::values::{ProbeId, Version};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::Changed;
use crate::api::{named, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// A sign of life.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatBody {
    /// When it is sent.
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    /// How often it means to be heard of, in seconds.
    cadence_seconds: u32,
    /// Events that wait in its spool.
    #[serde(default)]
    spool_events: u64,
    /// Their bytes.
    #[serde(default)]
    spool_bytes: u64,
    /// The probe's version.
    version: Option<String>,
}

/// Say that a probe is alive. It becomes an event only when something about it changed or its cadence passed.
#[utoipa::path(post, path = "/v1/probes/{id}/heartbeat", tag = "probes", params(("id" = String, Path, description = "The probe's id")),
    request_body = HeartbeatBody, responses((status = 200, description = "Heard", body = Changed), (status = 201, description = "Heard, and recorded", body = Changed)))]
pub async fn heartbeat(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: HeartbeatBody = shape(canonical.as_bytes())?;
    let id: ProbeId = named("probe", &id)?;
    caller.speaks_for(Some(id.clone()))?;
    let command = ProbeCommand::Heartbeat(Heartbeat {
        sent_at: body.sent_at,
        cadence_seconds: body.cadence_seconds,
        version: body.version.as_deref().map(|text| word::<Version>("/version", text)).transpose()?,
        spool_events: body.spool_events,
        spool_bytes: body.spool_bytes,
    });
    let stream = id.stream();
    Changed::by::<Probe>(&app, (&caller, &headers), (id, stream), canonical.as_bytes(), &command).await
}
