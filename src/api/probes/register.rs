//! `POST /v1/probes`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::uuid_v7;
use ledger_aggregates::probe::{Probe, ProbeCommand, RegisterProbe as Register};
use ledger_aggregates::values::{ProbeId, ProbeKind};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::Changed;
use crate::api::{command_id, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
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
    let id = match &body.id {
        Some(text) => word::<ProbeId>("/id", text)?,
        None => word("/id", &uuid_v7(&*app.clock, &*app.entropy).to_string())?,
    };
    let command = ProbeCommand::Register(Register {
        kind: word::<ProbeKind>("/kind", &body.kind)?,
        cadence_seconds: body.cadence_seconds,
        name: body.name,
    });
    let command_id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let order = Order::new(&caller, id.stream(), command_id, canonical.as_bytes());
    let done = app.command::<Probe>(&order, &command).await?;
    Changed::of(&app, &caller.tenant, id, &done).await
}
