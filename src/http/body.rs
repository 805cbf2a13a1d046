//! Bodies: size, media type, well-formed JSON under the ingest rules, then the shape.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, INVALID, MALFORMED, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE};

/// The largest JSON body, put into the request by the router's configuration.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// So much of a body that is too large is still read, and thrown away: a client that is cut off while it sends would see
/// a broken connection instead of the answer that tells why.
const DRAIN_BYTES_MAX: usize = 64 << 20;

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// `too-large`, or `malformed` where the connection broke.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut rest = body;
    match Limited::new(&mut rest, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            drain(rest).await;
            Err(ApiError::new(TOO_LARGE, format!("the body is larger than {limit} bytes"))
                .hint("send large evidence as blobs (POST /v1/blobs) and many events in several batches"))
        }
        Err(_) => Err(ApiError::new(MALFORMED, "the body ended early")),
    }
}

async fn drain(mut body: Body) {
    let mut left = DRAIN_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(after) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = after;
    }
}

/// A JSON body in canonical form (RFC 8785), its media type and the ingest rules checked.
#[derive(Debug)]
pub struct Canonical(pub ledger::canonical::CanonicalJson);

impl<S: Send + Sync> FromRequest<S> for Canonical {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let json = request.headers().get(header::CONTENT_TYPE).is_some_and(|value| {
            value
                .as_bytes()
                .split(|b| *b == b';')
                .next()
                .is_some_and(|kind| kind.trim_ascii() == b"application/json")
        });
        if !json {
            return Err(ApiError::new(UNSUPPORTED_MEDIA_TYPE, "the body must be application/json")
                .hint("send the header content-type: application/json"));
        }
        let limit = request.extensions().get::<BodyLimit>().map_or(4 << 20, |limit| limit.0);
        let bytes = read(request.into_body(), limit).await?;
        canonical(&bytes).map(Canonical)
    }
}

/// Checks the ingest rules and gives the canonical form.
///
/// # Errors
/// `malformed`, with the JSON pointer of the place.
pub fn canonical(bytes: &[u8]) -> Result<ledger::canonical::CanonicalJson, ApiError> {
    ledger::canonical::canonicalize(bytes).map_err(|error| json_problem(&error))
}

fn json_problem(error: &ledger::canonical::JsonError) -> ApiError {
    ApiError::new(MALFORMED, error.to_string()).at(error.pointer.clone(), error.to_string())
}

/// Reads a shape from canonical JSON.
///
/// # Errors
/// `invalid`, with the JSON pointer of the member that does not fit.
pub fn shape<'a, T: Deserialize<'a>>(canonical: &'a [u8]) -> Result<T, ApiError> {
    // The path is tracked only for those that fail: it costs more than the parse itself.
    serde_json::from_slice(canonical).or_else(|_| tracked(canonical))
}

fn tracked<'a, T: Deserialize<'a>>(canonical: &'a [u8]) -> Result<T, ApiError> {
    let mut reader = serde_json::Deserializer::from_slice(canonical);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer: String = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(format!("/{index}")),
                serde_path_to_error::Segment::Map { key } => {
                    Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
                }
                // The name of a variant is the key of what it holds.
                serde_path_to_error::Segment::Enum { variant } => Some(format!("/{variant}")),
                serde_path_to_error::Segment::Unknown => None,
            })
            .collect();
        let detail = error.inner().to_string();
        // Line and column speak of the canonical form, not of what the client sent.
        let detail = detail.split(" at line ").next().unwrap_or(&detail).to_owned();
        let place = if pointer.is_empty() { "the body".to_owned() } else { pointer.clone() };
        ApiError::new(INVALID, format!("{place}: {detail}")).at(pointer, detail)
    })
}

/// A JSON body of one shape.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let canonical = Canonical::from_request(request, state).await?;
        shape(canonical.0.as_bytes()).map(Self)
    }
}
