//! `POST /v1/credentials/{id}/rotate`

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::apikey::ApiKey;
use ledger::time::Timestamp;
use ledger_aggregates::credential::{Credential, CredentialCommand};
use ledger_aggregates::values::CredentialId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::create::stream;
use super::{NewKey, environment, keep, shown_once};
use crate::api::{command_id, named};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::error::ApiError;
use crate::http::body::Json as Body;

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateCredential {
    /// How long the old secret still works, in seconds, at most 31 days; one day without it.
    pub overlap_seconds: Option<u64>,
    /// When the credential ends by itself; as before without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// Time enough to bring a new key to where the old one is used.
const OVERLAP_SECONDS: u64 = 86_400;

/// Give a credential a new secret; the old one works until the overlap ends.
#[utoipa::path(post, path = "/v1/credentials/{id}/rotate", tag = "credentials", params(("id" = String, Path, description = "The credential's id")),
    request_body = RotateCredential, responses((status = 201, description = "The new key, shown once", body = NewKey)))]
pub async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<RotateCredential>,
) -> Result<(StatusCode, Json<NewKey>), ApiError> {
    let credential: CredentialId = named("credential", &id)?;
    let entry = app.credential_of(&caller.tenant, &id)?;
    let key =
        ApiKey::renew(environment(entry.environment), &id, &*app.entropy).map_err(ApiError::internal)?;
    let command = CredentialCommand::Rotate {
        request_key: keep(&app, &entry.principal.tenant, &key).await?,
        overlap: Duration::from_secs(body.overlap_seconds.unwrap_or(OVERLAP_SECONDS)),
        expires_at: body.expires_at.or(entry.expires_at),
    };
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let order = Order::new(&caller, stream(&credential)?, id.clone(), id.as_str().as_bytes());
    let done = app.command::<Credential>(&order, &command).await?;
    shown_once(&done)?;
    app.directory_at(done.position).await?;
    let receipt = app.receipt(&caller.tenant, &done).await?;
    Ok((
        StatusCode::CREATED,
        Json(NewKey { id: credential.to_string(), key: key.expose().to_string(), receipt }),
    ))
}
