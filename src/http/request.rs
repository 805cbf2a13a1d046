//! The id of a request: in every answer, every problem and every log line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use ledger::clock::{Entropy, OsEntropy, Stopwatch};

use super::metrics::Metrics;

/// The header that carries the id both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A client's own id is kept if it is at most this long; longer ones would bloat logs.
const CLIENT_ID_BYTES_MAX: usize = 64;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// The id of the request that this task serves; `-` outside of one.
pub fn id() -> Arc<str> {
    CURRENT.try_with(Arc::clone).unwrap_or_else(|_| "-".into())
}

/// Makes request ids: unique over restarts by a random prefix, cheap by a counter.
#[derive(Debug)]
pub struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        let mut random = [0; 5];
        OsEntropy.fill(&mut random);
        Self { prefix: random.iter().map(|b| format!("{b:02x}")).collect(), next: AtomicU64::new(0) }
    }
}

impl RequestIds {
    fn next(&self) -> Arc<str> {
        format!("{}-{}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed)).into()
    }
}

/// What the outermost layer needs.
#[derive(Debug, Clone, Default)]
pub struct Outer {
    /// Makes ids.
    pub ids: Arc<RequestIds>,
    /// Counts requests.
    pub metrics: Arc<Metrics>,
}

fn from_client(value: &HeaderValue) -> Option<Arc<str>> {
    let text = value.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    ((1..=CLIENT_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)).then(|| text.into())
}

/// The outermost layer: gives the request its id and counts and times it.
pub async fn outermost(State(outer): State<Outer>, request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).and_then(from_client).unwrap_or_else(|| outer.ids.next());
    let watch = Stopwatch::start();
    let mut response = CURRENT.scope(Arc::clone(&id), next.run(request)).await;
    outer.metrics.answered(response.status().as_u16(), watch.elapsed());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_is_kept_only_if_it_is_harmless() {
        assert_eq!(from_client(&HeaderValue::from_static("abc-1")).as_deref(), Some("abc-1"));
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert_eq!(from_client(&HeaderValue::from_str(bad).unwrap()), None, "{bad}");
        }
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = RequestIds::default();
        assert_ne!(ids.next(), ids.next());
        assert_ne!(RequestIds::default().next(), ids.next());
    }
}
