//! `POST /v1/integrations`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::{IntegrationId, IntegrationKind, Version};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::{Changed, own_or_new};
use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
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
    let id: IntegrationId = own_or_new(&app, body.id.as_deref())?;
    let command = IntegrationCommand::Register {
        kind: word::<IntegrationKind>("/kind", &body.kind)?,
        adapter_version: word::<Version>("/adapter_version", &body.adapter_version)?,
        name: body.name,
        endpoint: body.endpoint,
    };
    let stream = id.stream();
    Changed::by::<Integration>(&app, (&caller, &headers), (id, stream), canonical.as_bytes(), &command).await
}
