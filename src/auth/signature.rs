//! Requests signed with the key that follows from an API key (RFC 9421), so that no secret crosses the wire.
//!
//! A signed request can be replayed within its window. It is accepted only where a repetition changes nothing: reading,
//! and submitting under an id ([`Permission::Submit`]).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderName;
use ledger::http_signature::{self, SignatureError, SignatureInput};
use ledger::time::Timestamp;

use super::policy::Permission;
use super::table::{Entry, Table, unauthenticated, usable};
use crate::error::{ApiError, CLOCK_SKEW};
use crate::http::body::{self, BodyLimit};

/// The header that makes a request a signed one.
pub const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// May a signed request ask for this?
pub const fn replayable(permission: Permission) -> bool {
    matches!(permission, Permission::Public | Permission::Known | Permission::Read | Permission::Submit)
}

/// Finds who signed a request; the body is read for its digest and put back.
///
/// # Errors
/// `unauthenticated`, `clock-skew`, `too-large`.
pub async fn authenticate(
    table: &Table,
    request: &mut Request,
    now: Timestamp,
) -> Result<Arc<Entry>, ApiError> {
    let limit = request.extensions().get::<BodyLimit>().map_or(4 << 20, |limit| limit.0);
    let bytes = body::read(std::mem::replace(request.body_mut(), Body::empty()), limit).await?;
    let entry = verify(table, request, &bytes, now)?;
    *request.body_mut() = Body::from(bytes);
    Ok(entry)
}

fn verify(table: &Table, request: &Request, body: &[u8], now: Timestamp) -> Result<Arc<Entry>, ApiError> {
    let text = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| unauthenticated(format!("a signed request carries the header {name}")))
    };
    let input =
        SignatureInput::parse(text("signature-input")?).map_err(|e| unauthenticated(e.to_string()))?;
    let (digest, signature) = (text("content-digest")?, text("signature")?);
    let signed = http_signature::Request {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query(),
        body,
    };
    let unknown =
        || unauthenticated("the credential is unknown, or the signature does not verify with its key");
    let entry = table.get(&input.keyid).ok_or_else(unknown)?;
    // During a rotation two secrets are good, so two keys are tried; a wrong time is told only to a holder.
    for secret in &entry.secrets {
        match input.verify(&signed, digest, signature, &secret.request_key, now) {
            Ok(()) => {
                usable(&entry, secret, now)?;
                return Ok(Arc::clone(&entry));
            }
            Err(SignatureError::Signature | SignatureError::Key) => {}
            Err(error @ SignatureError::Skewed { .. }) => {
                return Err(ApiError::new(CLOCK_SKEW, error.to_string())
                    .hint("the header Ledger-Time has the server's time")
                    .server_time(now));
            }
            Err(error) => return Err(unauthenticated(error.to_string())),
        }
    }
    Err(unknown())
}
