//! `DELETE /v1/secrets/{name}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::values::SecretName;

use crate::api::receipt::Changed;
use crate::api::{command_id, named};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Destroy a secret. Work that needs it waits until there is another.
#[utoipa::path(delete, path = "/v1/secrets/{name}", tag = "integrations", params(("name" = String, Path, description = "The secret's name")),
    responses((status = 201, description = "Destroyed", body = Changed), (status = 200, description = "Destroyed before", body = Changed), (status = 404, description = "There was never one")))]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let name: SecretName = named("secret", &name)?;
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let done = app.delete_secret(&caller, id, &name).await?;
    Changed::of(&app, &caller.tenant, name, &done).await
}
