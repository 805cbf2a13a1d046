//! Whether a message of the other side is signed as its integration is configured: over raw bytes, before anything of it is
//! read.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ledger::time::Timestamp;
use serde::Deserialize;
use sha2::Sha256;

use super::config::InboundScheme;
use super::inbound::Message;

/// A signed time may lie so far from ours: no replay of an old message, and clocks differ.
const CLOCK_TOLERANCE_S: u64 = 300;

/// Whether a message is signed under a secret. A missing header is no signature.
pub fn is_signed(scheme: InboundScheme, secret: &[u8], message: &Message, now: Timestamp) -> bool {
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
        InboundScheme::BearerJwt => {
            let scheme = header("authorization").and_then(|value| value.split_once(' '));
            let token =
                scheme.filter(|(name, _)| name.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            token.is_some_and(|token| is_valid_jwt(secret, token, now))
        }
    }
}

/// A MAC is given as hex or as base64.
fn matches(secret: &[u8], parts: &[&[u8]], given: &str) -> bool {
    let Some(given) = from_hex(given).or_else(|| STANDARD.decode(given).ok()) else { return false };
    is_mac(secret, parts, &given)
}

/// In constant time. An empty secret is none.
fn is_mac(secret: &[u8], parts: &[&[u8]], given: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    !secret.is_empty() && mac.verify_slice(given).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// A token in compact form (RFC 7519, RFC 7515): HS256 and nothing else, which is checked before a claim is read. One that
/// never ends is not taken.
fn is_valid_jwt(secret: &[u8], token: &str, now: Timestamp) -> bool {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
    }
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
        #[serde(default)]
        nbf: Option<f64>,
    }
    let Some((signed, mac)) = token.rsplit_once('.') else { return false };
    let Some((header, claims)) = signed.split_once('.') else { return false };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header = decoded(header).and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok());
    if header.is_none_or(|header| header.alg != "HS256") {
        return false;
    }
    if !decoded(mac).is_some_and(|mac| is_mac(secret, &[signed.as_bytes()], &mac)) {
        return false;
    }
    let Some(claims) = decoded(claims).and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok()) else {
        return false;
    };
    // Seconds since the epoch fit a double for as long as there are any.
    let (now, tolerance) = (now.seconds() as f64, CLOCK_TOLERANCE_S as f64);
    claims.exp + tolerance >= now && claims.nbf.is_none_or(|nbf| nbf - tolerance <= now)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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

    fn token(secret: &[u8], header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn a_token_of_another_secret_algorithm_or_time_is_refused() {
        const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
        let taken = |authorization: &str| {
            let message = message("authorization", authorization, "{}");
            is_signed(InboundScheme::BearerJwt, b"secret", &message, Timestamp::from_micros(1_000_000_000))
        };
        let bearer = |secret: &[u8], header: &str, claims: &str| {
            taken(&format!("Bearer {}", token(secret, header, claims)))
        };
        assert!(bearer(b"secret", HS256, r#"{"iat":900,"exp":1100}"#), "control");
        assert!(!bearer(b"another", HS256, r#"{"exp":1100}"#));
        assert!(!bearer(b"", HS256, r#"{"exp":1100}"#));
        assert!(!bearer(b"secret", r#"{"alg":"none"}"#, r#"{"exp":1100}"#));
        assert!(!bearer(b"secret", r#"{"alg":"HS512"}"#, r#"{"exp":1100}"#));
        assert!(!bearer(b"secret", HS256, r#"{"exp":600}"#), "over");
        assert!(!bearer(b"secret", HS256, r#"{"exp":9000,"nbf":1400}"#), "not yet");
        assert!(!bearer(b"secret", HS256, r#"{"iat":900}"#), "it never ends");
        let whole = token(b"secret", HS256, r#"{"exp":1100}"#);
        let (signed, _) = whole.rsplit_once('.').unwrap();
        assert!(
            !taken(&format!("Bearer {signed}.")) && !taken(&format!("Bearer {signed}")) && !taken(&whole)
        );
        assert!(!taken(&format!("Basic {whole}")));
    }
}
