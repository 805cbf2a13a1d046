//! `POST /v1/inbound/{integration}`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::TenantId;
use ledger_aggregates::values::IntegrationId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::named;
use crate::app::App;
use crate::connect::inbound::{Message, take};
use crate::error::ApiError;
use crate::http::body::read;
use crate::http::query::Params;

/// The largest message, in bytes: an issue with all its fields is some hundred kilobytes.
const BYTES_MAX: usize = 1 << 20;

/// Whose integration.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// The tenant; the first one without it.
    tenant: Option<String>,
}

/// A message of the other system, signed with the secret of the integration. It is a hint: what it says is read again.
#[utoipa::path(post, path = "/v1/inbound/{integration}", tag = "integrations", params(("integration" = String, Path, description = "The integration's id"), Whose),
    request_body(content = Vec<u8>, content_type = "application/json"),
    responses((status = 202, description = "Taken"), (status = 401, description = "Not signed as configured"), (status = 404, description = "There is no such integration, or it takes no messages")))]
pub async fn inbound(
    State(app): State<Arc<App>>,
    Path(integration): Path<String>,
    Params(whose): Params<Whose>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let integration: IntegrationId = named("inbound address", &integration)?;
    let tenant: TenantId = match &whose.tenant {
        Some(tenant) => named("inbound address", tenant)?,
        None => app.first_tenant(),
    };
    let body = read(body, BYTES_MAX).await?.to_vec();
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: BTreeMap<String, String> =
        headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    take(&app, &tenant, &integration, Message { headers, body }).await?;
    Ok(StatusCode::ACCEPTED)
}
