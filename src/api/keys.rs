//! `GET /v1/keys`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::epochs::key_stream;
use ledger_store::Read;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::history::proof;

/// Key events of one log: one at its genesis and one a rotation, so a page holds decades of them.
const KEY_EVENTS_MAX: usize = 1_000;

/// The key stream of a log.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyEntries {
    /// Whose log.
    pub tenant: String,
    /// Its entries, base64 each, genesis first.
    pub entries: Vec<String>,
}

/// The keys of the caller's log, as the entries that introduced them.
///
/// Whoever hands in evidence verifies receipts with them: pinned by the genesis, followed through rotations.
#[utoipa::path(get, path = "/v1/keys", tag = "log", responses((status = 200, description = "The key stream, from the genesis on", body = KeyEntries)))]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<KeyEntries>, ApiError> {
    let stream = key_stream(&caller.tenant).map_err(ApiError::internal)?;
    let page = app.store.read(Read::stream(&caller.tenant, &stream, 0).limit(KEY_EVENTS_MAX)).await?;
    let entries =
        page.events.iter().map(|event| proof::entry(event).map(|entry| ledger::b64::encode(&entry)));
    Ok(Json(KeyEntries { tenant: caller.tenant.to_string(), entries: entries.collect::<Result<_, _>>()? }))
}
