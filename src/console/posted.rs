//! Forms: bounded, and only with the session's token.

use std::sync::Arc;

use axum::RequestExt;
use axum::extract::{FromRequest, RawForm, Request};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::viewer::{Away, Viewer};
use super::{Console, csrf};

/// A form of a signed-in reader.
#[derive(Debug)]
pub struct Posted<T>(pub Viewer, pub T);

/// No form of the console is longer.
const FORM_BYTES_MAX: usize = 64 << 10;

/// A form that is too long or is none.
#[derive(Debug)]
pub struct Malformed;

impl IntoResponse for Malformed {
    fn into_response(self) -> Response {
        (crate::error::MALFORMED.http(), "the form could not be read").into_response()
    }
}

/// Reads a form's fields.
///
/// # Errors
/// It is none, or too long.
pub async fn fields(request: Request) -> Result<Vec<(String, String)>, Malformed> {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| Malformed)?;
    let request = Request::from_parts(parts, axum::body::Body::from(bytes));
    let RawForm(bytes) = request.extract().await.map_err(|_| Malformed)?;
    serde_urlencoded::from_bytes(&bytes).map_err(|_| Malformed)
}

/// The value of a field.
pub fn field<'f>(fields: &'f [(String, String)], name: &str) -> &'f str {
    fields.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
}

impl<T: DeserializeOwned> FromRequest<Arc<Console>> for Posted<T> {
    type Rejection = Response;

    async fn from_request(mut request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let viewer: Viewer =
            request.extract_parts_with_state(console).await.map_err(IntoResponse::into_response)?;
        let given =
            request.headers().get(csrf::TOKEN).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let fields = fields(request).await.map_err(IntoResponse::into_response)?;
        let given = given.unwrap_or_else(|| field(&fields, "csrf").to_owned());
        if !csrf::token_fits(&viewer.csrf, &given) {
            return Err(Away::Forged.into_response());
        }
        // An empty field is no value: forms send every field, filled or not.
        let filled: Vec<_> =
            fields.into_iter().filter(|(name, value)| name != "csrf" && !value.is_empty()).collect();
        let encoded = serde_urlencoded::to_string(&filled).map_err(|_| Malformed.into_response())?;
        let form = serde_urlencoded::from_str(&encoded).map_err(|_| Malformed.into_response())?;
        Ok(Self(viewer, form))
    }
}
