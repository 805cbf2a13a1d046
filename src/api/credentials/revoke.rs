//! `POST /v1/credentials/{id}/revoke`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::credential::{Credential, CredentialCommand};
use ledger_aggregates::values::{CredentialId, RevokeReason};
use serde::Deserialize;
use utoipa::ToSchema;

use super::create::stream;
use crate::api::receipt::Changed;
use crate::api::{command_id, named, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::error::ApiError;
use crate::http::body::Json as Body;

/// Why to revoke.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeCredential {
    /// compromised, superseded or `no_longer_needed`.
    pub reason: String,
}

/// End a credential at once: when this is answered, no request with it succeeds.
#[utoipa::path(post, path = "/v1/credentials/{id}/revoke", tag = "credentials", params(("id" = String, Path, description = "The credential's id")),
    request_body = RevokeCredential, responses((status = 201, description = "Revoked", body = Changed), (status = 200, description = "It had ended before", body = Changed)))]
pub async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<RevokeCredential>,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let credential: CredentialId = named("credential", &id)?;
    let command = CredentialCommand::Revoke { reason: word::<RevokeReason>("/reason", &body.reason)? };
    let command_id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let order = Order::new(
        &caller,
        stream(&credential)?,
        command_id,
        format!("revoke {id} {}", body.reason).as_bytes(),
    );
    let done = app.command::<Credential>(&order, &command).await?;
    app.directory_at(done.position).await?;
    Changed::of(&app, &caller.tenant, credential, &done).await
}
