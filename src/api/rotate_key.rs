//! `POST /v1/keys/rotate`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger::epochs::key_stream;
use ledger_aggregates::key::{Key, KeyCommand};

use super::receipt::Changed;
use super::{command_id, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::error::ApiError;

/// Give the log a new signing key. The old key signs the change, the new one proves that it is held; verifiers follow by
/// themselves.
#[utoipa::path(post, path = "/v1/keys/rotate", tag = "log", responses((status = 201, description = "The new key signs from the next entry on", body = Changed)))]
pub async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let rotated = app.keyring.prepare_rotation(&caller.tenant).await?;
    let kid = rotated.kid.to_string();
    let command = KeyCommand::Rotate {
        old_kid: word("/old_kid", &rotated.old_kid.to_string())?,
        key: word("/key", &rotated.key)?,
        kid: word("/kid", &kid)?,
        proof: word("/proof", &rotated.proof)?,
    };
    let stream = key_stream(&caller.tenant).map_err(ApiError::internal)?;
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let order = Order::new(&caller, stream, id, b"rotate the signing key");
    let done = app.command::<Key>(&order, &command).await?;
    Changed::of(&app, &caller.tenant, kid, &done).await
}
