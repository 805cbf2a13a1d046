//! `POST /v1/subjects/{id}/erase`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::SubjectId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::receipt::Changed;
use crate::api::{Receipt, command_id, named};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// An erased data subject.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ErasedSubject {
    /// Its opaque id.
    pub subject: String,
    /// How many members cannot be read any more.
    pub members: usize,
    /// What was committed; absent where it had been erased before and nothing new was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Erase a data subject: its key and ciphertexts are destroyed for good, and the log says so.
#[utoipa::path(post, path = "/v1/subjects/{id}/erase", tag = "subjects", params(("id" = String, Path, description = "The data subject's opaque id")),
    responses((status = 201, description = "Erased", body = ErasedSubject), (status = 200, description = "It had been erased", body = ErasedSubject),
              (status = 404, description = "Nothing is known of it"), (status = 409, description = "A hold runs; the detail says until when")))]
pub async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<ErasedSubject>), ApiError> {
    let id: SubjectId = named("data subject", &id)?;
    let command_id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let erased = app.erase(&caller, command_id, &id).await?;
    let (status, Json(Changed { receipt, .. })) =
        Changed::of(&app, &caller.tenant, &id, &erased.done).await?;
    Ok((status, Json(ErasedSubject { subject: id.to_string(), members: erased.members, receipt })))
}
