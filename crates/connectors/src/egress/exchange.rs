//! What is recorded of every request: it becomes an event of the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ledger::time::Timestamp;
use sha2::{Digest, Sha256};

use super::client::{Outgoing, Received, SendError, Transport};
use super::redact::Redactor;

/// Why a request was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// A step of a task: the id of the intent or run, and the number of the step.
    Task {
        /// Whose.
        id: String,
        /// Which, from 1.
        step: u32,
    },
    /// To get a token.
    Token,
}

/// One request and what came of it, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Why.
    pub purpose: Purpose,
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The status, or none if there was no answer.
    pub status: Option<u16>,
    /// What went wrong, if there was no answer.
    pub error: Option<String>,
    /// Whether it is known that no byte of it left.
    pub unsent: bool,
    /// The headers of the request.
    pub request_headers: BTreeMap<String, String>,
    /// The headers of the answer.
    pub response_headers: BTreeMap<String, String>,
    /// The body of the request, redacted.
    pub request_body: Bytes,
    /// The body of the answer, redacted.
    pub response_body: Bytes,
    /// When it was sent.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
}

impl Exchange {
    pub(super) fn new(
        purpose: Purpose,
        outgoing: &Outgoing,
        result: &Result<Received, SendError>,
        started_at: Timestamp,
        duration: Duration,
        redactor: &Redactor,
    ) -> Self {
        let headers = |all: &BTreeMap<String, String>| {
            all.iter().map(|(name, value)| (name.clone(), redactor.header(name, value))).collect()
        };
        let (response_headers, response_body) = match result {
            Ok(received) => (headers(&received.headers), redact_body(redactor, &received.body)),
            Err(_) => (BTreeMap::new(), Bytes::new()),
        };
        Self {
            purpose,
            method: outgoing.method.to_string(),
            url: redactor.text(outgoing.target.as_str()),
            status: result.as_ref().ok().map(|received| received.status),
            error: result.as_ref().err().map(|error| redactor.text(&error.message)),
            unsent: result.as_ref().is_err_and(|error| error.transport == Transport::NotSent),
            request_headers: headers(&outgoing.headers),
            response_headers,
            request_body: redact_body(redactor, &outgoing.body),
            response_body,
            started_at,
            duration,
        }
    }

    /// The digest that an event carries of a body.
    pub fn digest(body: &[u8]) -> [u8; 32] {
        Sha256::digest(body).into()
    }
}

/// Text without its secrets; other bytes are kept as they are unless a secret stands in them.
pub(super) fn redact_body(redactor: &Redactor, body: &Bytes) -> Bytes {
    if !redactor.finds(body) {
        return body.clone();
    }
    match std::str::from_utf8(body) {
        Ok(text) => Bytes::from(redactor.text(text)),
        Err(_) => Bytes::new(),
    }
}

/// An exchange could not be recorded. What was sent cannot be unsent: the caller treats the outcome as uncertain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the exchange could not be recorded: {0}")]
pub struct RecordError(pub String);

/// Keeps exchanges.
#[async_trait]
pub trait Recorder: Send + Sync + 'static {
    /// Durable before it returns.
    async fn record(&self, exchange: Exchange) -> Result<(), RecordError>;
}
