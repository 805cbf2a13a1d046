//! What is recorded about a request to another system and its answer.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::{Confidential, Kind, Private};
use crate::values::{ExchangePurpose, HttpMethod, IntegrationId, IntentId, RunId};

events! {
    /// What happened in an exchange with another system.
    "exchange" ExchangeEvent {
        /// A request was sent, or could not be. What is secret stands nowhere in it.
        Recorded(ExchangeRecorded) = "ledger.exchange.recorded.v1" {
            /// With which system.
            integration: IntegrationId,
            /// What it was for.
            purpose: ExchangePurpose,
            /// The intent that it served.
            intent: Option<IntentId>,
            /// The run that it served.
            run: Option<RunId>,
            /// Which request of its task it was, counted from 1.
            step: u32,
            /// The method.
            method: HttpMethod,
            /// The status of the answer; absent: there was none.
            status: Option<u32>,
            /// Is it known that the request never left?
            unsent: bool,
            /// The size of the request's body.
            request_bytes: u64,
            /// The size of the answer's body.
            response_bytes: u64,
            /// How long it took, in milliseconds.
            duration_ms: u64,
            /// When it began.
            started_at: Timestamp,
            /// SHA-256 of the request's body, in hexadecimal.
            request_digest: Confidential<BodyDigest>,
            /// SHA-256 of the answer's body, in hexadecimal.
            response_digest: Confidential<BodyDigest>,
            /// Where it went.
            url: Confidential<ExchangeUrl>,
            /// The headers of both, without what is secret.
            headers: Confidential<serde_json::Value>,
            /// The bodies of both, where the integration is configured to keep them.
            bodies: Confidential<serde_json::Value>,
            /// Why there was no answer.
            error: Confidential<String>,
        }
    }
}

/// The digest of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDigest(pub String);

impl Private for BodyDigest {
    const KIND: Kind = Kind::Digest;

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::String(self.0.clone())
    }
}

/// Where a request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeUrl(pub String);

impl Private for ExchangeUrl {
    const KIND: Kind = Kind::Url;

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::String(self.0.clone())
    }
}
