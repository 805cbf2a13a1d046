//! Prometheus metrics, in the OpenMetrics text format.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    class: &'static str,
}

/// What the server counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: [Counter; 5],
    seconds: Histogram,
    /// Highest position that is committed.
    pub position: Gauge<u64, AtomicU64>,
    /// Events that the read models have not folded yet.
    pub projection_lag: Gauge<u64, AtomicU64>,
    /// Events that the reactors have not looked at yet.
    pub reaction_lag: Gauge<u64, AtomicU64>,
    /// What this process does as the only one.
    pub duties: Gauge<u64, AtomicU64>,
    /// Events whose read models are held back because one could not be folded.
    pub quarantined: Gauge<u64, AtomicU64>,
    /// Is there a connection to the queue server? 0 also where none is set.
    pub queue_connected: Gauge<u64, AtomicU64>,
    /// Pieces of work in the queue server when this process looked last, those that are handed out among them.
    pub queue_pieces: Gauge<u64, AtomicU64>,
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Bucket bounds in seconds: from one cached read to the request timeout.
const BUCKETS: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ledger");
        let family = Family::<Status, Counter>::default();
        let requests = CLASSES.map(|class| family.get_or_create(&Status { class }).clone());
        let seconds = Histogram::new(BUCKETS);
        let (position, projection_lag) = (Gauge::default(), Gauge::default());
        let (reaction_lag, duties, quarantined) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("http_requests", "Answered requests by class of status", family);
        registry.register("http_request_seconds", "Time from headers to answer", seconds.clone());
        registry.register("store_position", "Highest committed position", position.clone());
        registry.register(
            "projection_lag_events",
            "Committed events not yet in the read models",
            projection_lag.clone(),
        );
        registry.register(
            "reaction_lag_events",
            "Committed events that the reactors have not looked at yet",
            reaction_lag.clone(),
        );
        registry.register("duties_held", "Leases that this process holds", duties.clone());
        registry.register(
            "projection_quarantined_events",
            "Events that a read model could not fold",
            quarantined.clone(),
        );
        let (queue_connected, queue_pieces) = (Gauge::default(), Gauge::default());
        registry.register(
            "queue_connected",
            "Whether this process has a connection to the queue server",
            queue_connected.clone(),
        );
        registry.register(
            "queue_pieces",
            "Pieces of work in the queue server, those handed out among them",
            queue_pieces.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            position,
            projection_lag,
            reaction_lag,
            duties,
            quarantined,
            queue_connected,
            queue_pieces,
        }
    }
}

impl Metrics {
    /// Counts one answer.
    pub fn answered(&self, status: u16, took: Duration) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.requests[class].inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// The text that `/metrics` serves.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# {error}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_class() {
        let metrics = Metrics::default();
        metrics.answered(201, Duration::from_millis(1));
        metrics.answered(422, Duration::from_millis(1));
        metrics.answered(422, Duration::from_millis(1));
        let text = metrics.encode();
        assert!(text.contains("ledger_http_requests_total{class=\"2xx\"} 1"), "{text}");
        assert!(text.contains("ledger_http_requests_total{class=\"4xx\"} 2"), "{text}");
    }
}
