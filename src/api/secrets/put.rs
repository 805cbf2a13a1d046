//! `PUT /v1/secrets/{name}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::values::SecretName;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::api::receipt::Changed;
use crate::api::{command_id, named};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// A secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSecret {
    /// The password, token, key or certificate key, 1 to 65,536 bytes. It is sealed and never shown again.
    value: String,
}

/// Keep a secret under a name that configurations refer to, or replace its value.
#[utoipa::path(put, path = "/v1/secrets/{name}", tag = "integrations", params(("name" = String, Path, description = "The secret's name")),
    request_body = PutSecret, responses((status = 201, description = "Kept", body = Changed), (status = 200, description = "Kept before by the same request", body = Changed)))]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: PutSecret = shape(canonical.as_bytes())?;
    let name: SecretName = named("secret", &name)?;
    let value = Zeroizing::new(body.value.into_bytes());
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let done = app.put_secret(&caller, id, &name, &value).await?;
    Changed::of(&app, &caller.tenant, name, &done).await
}
