//! How long to wait after a failure: exponential, with full jitter.

use std::time::Duration;

use ledger::clock::Entropy;

/// The bound of the first wait.
pub const FIRST: Duration = Duration::from_millis(500);
/// The bound of every later wait: an outage ends unnoticed for five minutes at most.
pub const LONGEST: Duration = Duration::from_secs(300);
/// The longest `Retry-After` that is honoured: a wrong one must not silence a probe for a day.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Counts failures in a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How many failures there were since the last success.
    pub const fn failures(self) -> u32 {
        self.failures
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// After a failure: a random time up to `FIRST * 2^n`, on top of what the server asks for.
    ///
    /// Full jitter, so that many probes that failed together do not come back together; `Retry-After` is a minimum, and
    /// a server gives the same one to all.
    pub fn next(&mut self, retry_after: Option<u64>, entropy: &dyn Entropy) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let micros = u64::from_le_bytes(random) % (u64::try_from(bound.as_micros()).unwrap_or(u64::MAX) + 1);
        Duration::from_secs(retry_after.unwrap_or(0)).min(RETRY_AFTER_MAX) + Duration::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use ledger::clock::SeededEntropy;

    use super::*;

    #[test]
    fn waits_grow_within_their_bounds_and_spread() {
        let entropy = SeededEntropy::new(3);
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.next(None, &entropy)).collect();
        for (n, wait) in (0_u32..).zip(&waits) {
            assert!(*wait <= FIRST.saturating_mul(1 << n.min(16)).min(LONGEST), "{n}: {wait:?}");
        }
        let late = &waits[10..];
        assert!(late.iter().any(|w| *w < LONGEST / 3) && late.iter().any(|w| *w > LONGEST * 2 / 3));
        assert_eq!(backoff.failures(), 40);
    }

    #[test]
    fn retry_after_is_a_minimum_and_bounded() {
        let entropy = SeededEntropy::new(3);
        let mut backoff = Backoff::default();
        let wait = backoff.next(Some(30), &entropy);
        assert!(wait >= Duration::from_secs(30) && wait <= Duration::from_secs(30) + FIRST);
        assert!(backoff.next(Some(u64::MAX), &entropy) <= RETRY_AFTER_MAX + LONGEST);
    }
}
