//! The one mapping of errors to HTTP: RFC 9457 problems with a stable type.
//!
//! Each [`Code`] has a page in `docs/errors/`, which the server serves at the problem's `type`.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::time::Timestamp;
use ledger_store::StoreError;
use ledger_store::keyring::KeyringError;
use ledger_store::views::ViewError;
use serde::Serialize;

use crate::history::proof::ProofError;

/// The server's time (RFC 3339), where a sender's clock is the problem.
const LEDGER_TIME: HeaderName = HeaderName::from_static("ledger-time");

/// A public kind of problem: the last part of its type, its status and its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The last part of the `type`, and the name of its page.
    pub slug: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A short title that never changes.
    pub title: &'static str,
    /// Its page.
    pub page: &'static str,
}

impl Code {
    /// The HTTP status, for answers that are no problem documents: pages, streams, health.
    pub fn http(self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

macro_rules! codes {
    ($($name:ident $slug:literal $status:literal $title:literal;)*) => {
        $(
            #[doc = $title]
            pub const $name: &Code = &Code { slug: $slug, status: $status, title: $title, page: include_str!(concat!("../docs/errors/", $slug, ".md")) };
        )*
        /// Every public kind of problem.
        pub const CODES: &[&Code] = &[$($name),*];
    };
}

codes! {
    MALFORMED "malformed" 400 "The request is not well-formed";
    UNAUTHENTICATED "unauthenticated" 401 "A valid key is needed";
    CLOCK_SKEW "clock-skew" 401 "The signature's time is too far from the server's";
    FORBIDDEN "forbidden" 403 "The key's role does not allow this";
    NOT_FOUND "not-found" 404 "There is no such thing for this key";
    METHOD_NOT_ALLOWED "method-not-allowed" 405 "This path does not take this method";
    CONFLICT "conflict" 409 "The state does not allow this";
    TOO_LARGE "too-large" 413 "The body is too large";
    UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" 415 "The body is of the wrong type";
    COMMAND_REUSED "command-reused" 422 "This idempotency key was used with another body";
    INVALID "invalid" 422 "A value is not acceptable";
    OVERLOADED "overloaded" 503 "The ledger cannot take more right now";
    UNAVAILABLE "unavailable" 503 "The store cannot commit right now";
    MOVED "moved" 503 "The ledger does not live here any more";
    TIMEOUT "timeout" 503 "The request took too long; its outcome is unknown";
    INTERNAL "internal" 500 "Something is wrong in the ledger itself";
}

/// A problem, on its way to the client.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// Which kind.
    pub code: &'static Code,
    /// What is wrong, for the one who sent the request.
    pub detail: String,
    /// How to mend it.
    pub hint: Option<String>,
    /// Where it is wrong, by JSON pointer.
    pub errors: Vec<FieldError>,
    /// When to try again, in seconds.
    pub retry_after_s: Option<u64>,
    /// The server's time, for a sender whose clock is wrong.
    pub server_time: Option<Timestamp>,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.slug, self.detail)
    }
}

impl std::error::Error for ApiError {}

/// One place of the body that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct FieldError {
    /// RFC 6901 pointer into the body.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    request_id: &'a str,
}

impl ApiError {
    /// A problem of a kind with what is wrong.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { code, detail, hint: None, errors: Vec::new(), retry_after_s: None, server_time: None }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a place of the body.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Adds the server's time.
    #[must_use]
    pub fn server_time(mut self, now: Timestamp) -> Self {
        self.server_time = Some(now);
        self
    }

    /// One sentence for "not there, or not yours": the two must not be told apart.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(NOT_FOUND, format!("{what} is unknown to this key's tenant"))
    }

    /// An error of the ledger itself: the cause is logged, not sent.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(INTERNAL, "the cause is in the server's log under this request id")
    }

    /// The problem as JSON.
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        let problem = Problem {
            r#type: format!("/problems/{}", self.code.slug),
            title: self.code.title,
            status: self.code.status,
            detail: &self.detail,
            hint: self.hint.as_deref(),
            errors: &self.errors,
            request_id,
        };
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let request_id = crate::http::request::id();
        let mut response = Response::new(Body::from(self.to_json(&request_id)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ledger\""));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(now) = self.server_time.and_then(|now| HeaderValue::try_from(now.to_string()).ok()) {
            headers.insert(LEDGER_TIME, now);
        }
        response
    }
}

impl ApiError {
    /// The same problem of a part of a larger body: its pointers stand below `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        for error in &mut self.errors {
            error.pointer.insert_str(0, prefix);
        }
        self
    }
}

/// An operator lets the address lead to where the ledger is; senders that keep what they have need not hurry.
const MOVED_RETRY_S: u64 = 60;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Invalid { .. } | StoreError::Corrupt { .. } => Self::internal(error),
            StoreError::Overloaded { .. } => {
                Self::new(OVERLOADED, "more waits for a commit than the ledger holds").retry_after(1)
            }
            // Sealed while this process ran: what waits is sent again to where the ledger is, with the same ids.
            StoreError::NotLive { reason } => {
                tracing::error!(%reason, "the ledger does not live in this store any more: stop this process");
                Self::new(
                    MOVED,
                    "nothing is stored here any more; what was acknowledged is where the ledger is now",
                )
                .hint(reason)
                .retry_after(MOVED_RETRY_S)
            }
            _ => {
                tracing::error!(%error, "the store cannot do what it is asked");
                Self::new(UNAVAILABLE, "the store cannot commit right now; what was acknowledged is safe")
                    .hint("send the same request again, with the same id; the operator finds the cause in the log and in /readyz")
                    .retry_after(2)
            }
        }
    }
}

impl From<KeyringError> for ApiError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Query(error) => Self::new(MALFORMED, error.to_string()),
            // At a first start, after an upgrade, or while the disk is full: what is committed is safe, and can be asked soon.
            ViewError::NotBuilt => Self::new(UNAVAILABLE, error.to_string()).retry_after(1),
            ViewError::Full(_) | ViewError::Unavailable(_) => {
                tracing::error!(%error, "the read models cannot be asked");
                Self::new(
                    UNAVAILABLE,
                    "the read models cannot be asked right now; what was acknowledged is safe",
                )
                .retry_after(2)
            }
            other => Self::internal(other),
        }
    }
}

impl From<ProofError> for ApiError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Store(error) => error.into(),
            ProofError::NoEntry(_) => Self::new(NOT_FOUND, error.to_string()),
            ProofError::NotCovered(_) => Self::new(UNAVAILABLE, error.to_string()).retry_after(1),
            ProofError::Damaged(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_store::{Access, Custody};

    use super::*;

    #[test]
    fn every_kind_has_a_page_that_names_its_type_and_status() {
        for code in CODES {
            assert!(
                code.page.contains(&format!("`/problems/{}`, status {}", code.slug, code.status)),
                "{}",
                code.slug
            );
            assert!(code.page.starts_with(&format!("# {}", code.title)), "{}", code.slug);
            assert!(code.page.contains("## How to mend it"), "{}", code.slug);
        }
    }

    /// A store that was sealed under a running process is told apart from one that is out for a moment.
    #[test]
    fn a_ledger_that_was_moved_says_where_to() {
        let sealed = Custody::Sealed { ticket: "t".to_owned(), to: "postgres://db/ledger".to_owned() };
        let reason = sealed.refusal(Access::Serve).unwrap();
        let moved = ApiError::from(StoreError::NotLive { reason });
        let told: serde_json::Value = serde_json::from_slice(&moved.to_json("r")).unwrap();
        assert_eq!((told["type"].as_str(), told["status"].as_u64()), (Some("/problems/moved"), Some(503)));
        assert!(told["hint"].as_str().unwrap().contains("moved to postgres://db/ledger"), "{told}");
        let out = ApiError::from(StoreError::Unavailable { reason: "postgres://db/ledger".to_owned() });
        assert_eq!(out.code, UNAVAILABLE);
        assert!(
            !String::from_utf8(out.to_json("r")).unwrap().contains("postgres"),
            "its reason is for the log"
        );
    }

    #[test]
    fn an_internal_error_does_not_tell_its_cause() {
        let json = String::from_utf8(ApiError::internal("secret path").to_json("r")).unwrap();
        assert!(!json.contains("secret"), "{json}");
    }
}
