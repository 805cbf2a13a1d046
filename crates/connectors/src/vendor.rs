//! What all HTTP vendors have in common: statuses, limits, bodies that are not what they should be.

use ledger::time::Timestamp;
use serde_json::Value;

use crate::protocol::{Failure, FailureKind, Rate, Response};

/// Percent-encodes all but the unreserved characters of RFC 3986, for a part of a path or a value of a query.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The JSON of a success. An HTML page with status 200 is how gateways, logins and sleeping instances answer.
pub(crate) fn json(response: &Response) -> Result<Value, Failure> {
    let is_json =
        response.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    if !is_json {
        let message =
            format!("HTTP {} with {}", response.status, response.header("content-type").unwrap_or("no type"));
        return Err(Failure::new(FailureKind::Unavailable, message).hint(
            "the base URL answers, but not with its API: a login page, a proxy, or a sleeping instance",
        ));
    }
    serde_json::from_str(&response.body)
        .map_err(|error| Failure::new(FailureKind::Malformed, format!("the body is no JSON: {error}")))
}

/// What a status means where the body has nothing to add. `said` is the vendor's own message.
pub(crate) fn by_status(response: &Response, said: String, now: Timestamp) -> Failure {
    let message = if said.is_empty() { format!("HTTP {}", response.status) } else { said };
    let failure = |kind| Failure::new(kind, message.clone());
    match response.status {
        401 => failure(FailureKind::Unauthenticated).hint("renew the credential of this connection"),
        403 => failure(FailureKind::Forbidden)
            .hint("give the integration's account the right, or the token the scope, that the message names"),
        404 | 410 => failure(FailureKind::Missing),
        429 => Failure { rate: Some(rate(response, now).into()), ..failure(FailureKind::RateLimited) },
        // A conflict of two writers, or a server that is busy: the same request may succeed in a moment.
        408 | 409 | 425 | 500.. => Failure {
            rate: response.header("retry-after").map(|_| rate(response, now).into()),
            ..failure(FailureKind::Unavailable)
        },
        300..=399 => failure(FailureKind::NeedsConfiguration)
            .hint("the base URL redirects: configure the address that it leads to"),
        _ => failure(FailureKind::Rejected),
    }
}

/// What the headers say about the limit: seconds in `Retry-After`, else the reset time as ISO 8601 or as seconds
/// since the epoch.
fn rate(response: &Response, now: Timestamp) -> Rate {
    let seconds = response.header("retry-after").and_then(|text| text.trim().parse::<u64>().ok());
    let reset = || {
        let text = response.header("x-ratelimit-reset")?.trim();
        let at = match text.parse::<i64>() {
            Ok(seconds) => Timestamp::from_micros(seconds.saturating_mul(1_000_000)),
            Err(_) => iso(text)?,
        };
        u64::try_from(at.since(now).as_millis()).ok()
    };
    let after_ms = seconds.map(|seconds| seconds.saturating_mul(1000)).or_else(reset);
    let reason = response.header("ratelimit-reason").unwrap_or_default();
    Rate { after_ms, whole_connection: reason.contains("quota") }
}

/// ISO 8601 as vendors write it: `+0000` for an offset, perhaps without seconds.
pub(crate) fn iso(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let (head, offset) = match text.len().checked_sub(5).and_then(|at| text.split_at_checked(at)) {
        Some((head, offset))
            if offset.starts_with(['+', '-']) && offset[1..].bytes().all(|b| b.is_ascii_digit()) =>
        {
            (head, format!("{}:{}", &offset[..3], &offset[3..]))
        }
        _ => (text.strip_suffix('Z')?, "Z".to_owned()),
    };
    let seconds = if head.len() == 16 { ":00" } else { "" };
    format!("{head}{seconds}{offset}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(headers: &[(&str, &str)]) -> Option<u64> {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let response = Response { status: 429, headers, body: String::new() };
        let now = "2026-01-01T01:00:00Z".parse().expect("a time");
        by_status(&response, String::new(), now).rate.and_then(|rate| rate.after_ms)
    }

    #[test]
    fn every_way_to_say_when_is_understood() {
        assert_eq!(
            limited(&[("retry-after", "2"), ("x-ratelimit-reset", "2026-01-01T02:00:00Z")]),
            Some(2000)
        );
        assert_eq!(limited(&[("x-ratelimit-reset", "2026-01-01T01:01:01Z")]), Some(61_000));
        assert_eq!(limited(&[("x-ratelimit-reset", "2026-01-01T01:01Z")]), Some(60_000));
        assert_eq!(limited(&[("x-ratelimit-reset", "1767229230")]), Some(30_000));
        assert_eq!(limited(&[("retry-after", "0")]), Some(0));
        assert_eq!(limited(&[("retry-after", "soon")]), None);
        assert_eq!(limited(&[]), None);
    }

    #[test]
    fn times_of_vendors_are_read() {
        let expected = "2026-01-22T14:12:37Z".parse().ok();
        assert_eq!(iso("2026-01-22T14:12:37.000+0000"), expected);
        assert_eq!(iso("2026-01-22T06:12:37.000-0800"), expected);
        assert_eq!(iso("2026-01-22 14:12:37Z"), expected);
        assert_eq!(iso("yesterday"), None);
    }
}
