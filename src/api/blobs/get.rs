//! `GET /v1/blobs/{id}`

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ledger_store::BlobId;

use super::open;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// A file. It is sent as bytes to be saved, never as something that a browser would run.
#[utoipa::path(get, path = "/v1/blobs/{id}", tag = "evidence", params(("id" = String, Path, description = "The blob's id")),
    responses((status = 200, description = "Its content", content_type = "application/octet-stream"), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found(format!("blob {id}"));
    let blob = BlobId::new(&id).ok_or_else(unknown)?;
    let content = open(&app, &caller.tenant, &blob).await?.ok_or_else(unknown)?;
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    Ok(response)
}
