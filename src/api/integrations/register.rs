//! `POST /v1/integrations`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::uuid_v7;
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::{IntegrationId, IntegrationKind, Version};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::Changed;
use crate::api::{command_id, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// An integration to be known.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterIntegration {
    /// An opaque id of your own; a UUID without it.
    id: Option<String>,
    /// Which adapter it uses.
    #[schema(example = "jira")]
    kind: String,
    /// The adapter's version.
    #[schema(example = "1.0.0")]
    adapter_version: String,
    /// What people call it (confidential).
    name: Option<String>,
    /// Where the other system is (confidential).
    endpoint: Option<String>,
}

/// Make an integration known.
#[utoipa::path(post, path = "/v1/integrations", tag = "integrations", request_body = RegisterIntegration,
    responses((status = 201, description = "Registered", body = Changed), (status = 200, description = "Registered before by the same request", body = Changed)))]
pub async fn register(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: RegisterIntegration = shape(canonical.as_bytes())?;
    let id = match &body.id {
        Some(text) => word::<IntegrationId>("/id", text)?,
        None => word("/id", &uuid_v7(&*app.clock, &*app.entropy).to_string())?,
    };
    let command = IntegrationCommand::Register {
        kind: word::<IntegrationKind>("/kind", &body.kind)?,
        adapter_version: word::<Version>("/adapter_version", &body.adapter_version)?,
        name: body.name,
        endpoint: body.endpoint,
    };
    let command_id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let order = Order::new(&caller, id.stream(), command_id, canonical.as_bytes());
    let done = app.command::<Integration>(&order, &command).await?;
    Changed::of(&app, &caller.tenant, id, &done).await
}
