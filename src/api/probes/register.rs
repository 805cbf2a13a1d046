//! `POST /v1/probes`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::probe::{Probe, ProbeCommand, RegisterProbe as Register};
use ledger_aggregates::values::{ProbeId, ProbeKind};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::{Changed, own_or_new};
use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// A probe to be known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterProbe {
    /// An opaque id of your own; a UUID without it.
    id: Option<String>,
    /// What it looks at.
    #[schema(example = "linux-host")]
    kind: String,
    /// How often it should be heard of, in seconds; later it counts as silent.
    cadence_seconds: u32,
    /// What people call it (confidential).
    name: Option<String>,
}

/// Make a probe known.
#[utoipa::path(post, path = "/v1/probes", tag = "probes", request_body = RegisterProbe,
    responses((status = 201, description = "Registered", body = Changed), (status = 200, description = "Registered before by the same request", body = Changed)))]
pub async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: RegisterProbe = shape(canonical.as_bytes())?;
    let id: ProbeId = own_or_new(&app, body.id.as_deref())?;
    let command = ProbeCommand::Register(Register {
        kind: word::<ProbeKind>("/kind", &body.kind)?,
        cadence_seconds: body.cadence_seconds,
        name: body.name,
    });
    let stream = id.stream();
    Changed::by::<Probe>(&app, (&caller, &headers), (id, stream), canonical.as_bytes(), &command).await
}
