//! `POST /v1/blobs`

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use ledger_store::PutOutcome;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::id_of;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, INVALID};
use crate::http::body::read;

/// An uploaded file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// Its id, to be named in evidence.
    id: String,
    /// SHA-256 of its content, in hex.
    sha256: String,
    /// Its size in bytes.
    size: usize,
}

/// Upload a file that evidence will name. The same content gives the same id.
#[utoipa::path(post, path = "/v1/blobs", tag = "evidence", request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "Kept, encrypted", body = Uploaded), (status = 200, description = "It was there already", body = Uploaded)))]
pub async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Body,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    let content = read(body, app.config.server.blob_bytes_max).await?;
    if content.is_empty() {
        return Err(ApiError::new(INVALID, "the blob is empty"));
    }
    let id = id_of(&app, &caller.tenant, &content)?;
    let sealed =
        app.log(&caller.tenant)?.keys.data_key().seal(id.as_str().as_bytes(), &content, &*app.entropy);
    let outcome = app.side.put_blob(&caller.tenant, &id, sealed).await?;
    let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let status = if outcome == PutOutcome::Stored { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Uploaded { id: id.as_str().to_owned(), sha256, size: content.len() })))
}
