//! Messages of the other side: verified on their raw bytes before anything is read of them, then taken as hints. What they
//! say is read again; what is read is believed.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::values::IntegrationId;
use ledger_connectors::protocol::{Call, Reply};
use serde_json::json;
use sha2::Sha256;

use super::config::InboundScheme;
use super::live::{Idle, live};
use super::observe;
use super::record::kept;
use crate::app::App;
use crate::error::{ApiError, INVALID, UNAUTHENTICATED, UNAVAILABLE};

/// A signed time may lie so far from ours: no replay of an old message, and clocks differ.
const CLOCK_TOLERANCE_S: u64 = 300;

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    /// The headers, lower case.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Takes a message: what it hints at is asked for, durably, before this returns. How many tickets of ours it concerned.
///
/// # Errors
/// `not-found`: no such integration, or one that takes no messages; `unauthenticated`: nobody it knows signed it; `invalid`:
/// it makes no sense; `unavailable`: send it again.
pub async fn take(
    app: &Arc<App>,
    tenant: &TenantId,
    integration: &IntegrationId,
    message: Message,
) -> Result<usize, ApiError> {
    // One answer for what is not there and for what takes no messages: neither is told to strangers.
    let nothing = || ApiError::not_found("this inbound address");
    let alive = live(app, tenant, integration).await.map_err(|idle| match idle {
        Idle::Unknown | Idle::Still(_) | Idle::Misfits(_) => nothing(),
        Idle::Store(error) => error,
    })?;
    let inbound = alive.document.inbound.as_ref().ok_or_else(nothing)?;
    let now = app.clock.now();
    let mut verified = false;
    for reference in &inbound.secrets {
        if let Some(secret) = app.secret(tenant, reference).await? {
            verified |= is_signed(inbound.scheme, secret.expose().as_bytes(), &message, now);
        }
    }
    if !verified {
        return Err(ApiError::new(
            UNAUTHENTICATED,
            "the message is not signed with a secret of this integration",
        )
        .hint(
            "both sides must hold the same secret, and the signature must be over the body as it is sent",
        ));
    }
    app.connect.hears(tenant, integration, now);
    let body = String::from_utf8(message.body).map_err(|_| ApiError::new(INVALID, "the body is no text"))?;
    let kept = json!({ "received_at": now, "body": kept(body.as_bytes()) });
    let call = Call::Inbound { headers: message.headers, body, received_at: now };
    match alive.instance.call(call).await {
        Ok(Reply::Facts(facts)) => observe::facts(app, tenant, integration, &facts, Some(&kept)).await,
        Ok(Reply::Refused(failure)) => Err(ApiError::new(INVALID, failure.message)),
        Ok(_) => Err(ApiError::new(INVALID, "the adapter does not know this message")),
        Err(error) => {
            tracing::warn!(%integration, %error, "a message could not be read");
            Err(ApiError::new(UNAVAILABLE, "the message could not be read just now").retry_after(30))
        }
    }
}

/// Whether a message is signed under a secret. A missing header is no signature.
fn is_signed(scheme: InboundScheme, secret: &[u8], message: &Message, now: Timestamp) -> bool {
    let header = |name: &str| message.headers.get(name).map(String::as_str);
    match scheme {
        InboundScheme::HubSignature => {
            // The method is named by the sender; only one is taken.
            let given = header("x-hub-signature").and_then(|value| value.trim().strip_prefix("sha256="));
            given.is_some_and(|given| matches(secret, &[&message.body], given))
        }
        InboundScheme::TimestampedSignature => {
            let Some(value) = header("x-aigov-signature") else { return false };
            let member = |name: &str| {
                value.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            };
            let (Some(time), Some(given)) = (member("t"), member("v1")) else { return false };
            let Ok(seconds) = time.parse::<i64>() else { return false };
            let apart = seconds.abs_diff(now.micros().div_euclid(1_000_000));
            apart <= CLOCK_TOLERANCE_S && matches(secret, &[time.as_bytes(), b".", &message.body], given)
        }
    }
}

/// In constant time. A MAC is given as hex or as base64.
fn matches(secret: &[u8], parts: &[&[u8]], given: &str) -> bool {
    let Some(given) = from_hex(given).or_else(|| STANDARD.decode(given).ok()) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    !secret.is_empty() && mac.verify_slice(&given).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str, value: &str, body: &str) -> Message {
        Message { headers: BTreeMap::from([(name.into(), value.into())]), body: body.into() }
    }

    #[test]
    fn the_published_vector_of_the_hub_signature_is_taken() {
        let (secret, body) = (b"It's a Secret to Everybody", "Hello, World!");
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let signed = |header: &str, value: &str, body: &str| {
            let now = Timestamp::from_micros(0);
            is_signed(InboundScheme::HubSignature, secret, &message(header, value, body), now)
        };
        assert!(signed("x-hub-signature", good, body));
        assert!(!signed("x-hub-signature", good, "Hello, World"), "another body");
        assert!(!signed("x-hub-signature", &good.replace("sha256=", "sha1="), body), "another method");
        assert!(!signed("x-hub-signature", "sha256=", body));
        assert!(!signed("x-other", good, body), "a missing header is no signature");
        assert!(!is_signed(
            InboundScheme::HubSignature,
            b"",
            &message("x-hub-signature", good, body),
            Timestamp::from_micros(0)
        ));
    }

    #[test]
    fn a_timed_signature_ends_with_its_time() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
        mac.update(b"1000.{}");
        let mac = STANDARD.encode(mac.finalize().into_bytes());
        let signed = |value: &str, seconds: i64| {
            let now = Timestamp::from_micros(seconds * 1_000_000);
            let message = message("x-aigov-signature", value, "{}");
            is_signed(InboundScheme::TimestampedSignature, b"secret", &message, now)
        };
        let value = format!("t=1000,v1={mac}");
        assert!(signed(&value, 1_000) && signed(&value, 1_300) && signed(&value, 700));
        assert!(!signed(&value, 1_301), "too old");
        assert!(!signed(&format!("t=1001,v1={mac}"), 1_000), "the time is signed, too");
        assert!(!signed(&format!("v1={mac}"), 1_000));
    }
}
