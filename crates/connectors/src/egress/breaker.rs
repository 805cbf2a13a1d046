//! A circuit breaker: a connection whose other side is down is left alone for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::time::Timestamp;

/// When it opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub failures: u32,
    /// So long it stays open before one request may try; doubles each time that one fails.
    pub open_for: Duration,
    /// Never longer.
    pub open_max: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 5, open_for: Duration::from_secs(5), open_max: Duration::from_secs(300) }
    }
}

/// It is open: not before this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side was down {failures} times in a row; the next try is in {} ms", .wait.as_millis())]
pub struct Open {
    /// How often.
    pub failures: u32,
    /// How long.
    pub wait: Duration,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until then nobody tries.
    closed_at: Option<Timestamp>,
    /// One is trying.
    trying: bool,
}

/// The breaker of one connection. Time comes in, so that it can be run in virtual time.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: Arc<Mutex<State>>,
}

impl Breaker {
    /// A closed one.
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: Arc::default() }
    }

    /// One with these settings that knows what this one has seen.
    #[must_use]
    pub fn going_on(&self, settings: BreakerSettings) -> Self {
        Self { settings, state: Arc::clone(&self.state) }
    }

    /// Whether a request may be sent. Who is admitted must report how it went.
    ///
    /// # Errors
    /// It is open, or another request is trying.
    pub fn admit(&self, now: Timestamp) -> Result<(), Open> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(closed_at) = state.closed_at else { return Ok(()) };
        let wait = closed_at.since(now);
        if !wait.is_zero() || state.trying {
            return Err(Open { failures: state.failures, wait });
        }
        state.trying = true;
        Ok(())
    }

    /// The other side answered: it is there, whatever it said.
    pub fn answered(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// The other side did not answer, or said that it is not well.
    pub fn failed(&self, now: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        state.trying = false;
        if let Some(times) = state.failures.checked_sub(self.settings.failures) {
            let doubled = self.settings.open_for.saturating_mul(2_u32.saturating_pow(times));
            state.closed_at = Some(now.plus(doubled.min(self.settings.open_max)));
        }
    }

    /// The request was not sent after all.
    pub fn withdrawn(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trying = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn an_hour_of_silence_costs_few_tries_and_one_answer_closes_it() {
        let breaker = Breaker::new(BreakerSettings::default());
        let mut tries = 0;
        for second in 0..3600 {
            if breaker.admit(at(second)).is_ok() {
                tries += 1;
                breaker.failed(at(second));
            }
        }
        assert!((5..40).contains(&tries), "{tries} tries in an hour");
        let refused = breaker.admit(at(3600));
        assert!(matches!(refused, Err(Open { wait, .. }) if wait <= Duration::from_secs(300)), "{refused:?}");
        assert_eq!(breaker.admit(at(4000)), Ok(()));
        assert!(breaker.admit(at(4000)).is_err(), "one tries, the others wait");
        let other = breaker.going_on(BreakerSettings { failures: 100, ..BreakerSettings::default() });
        assert!(other.admit(at(4000)).is_err(), "what is down is down, whatever is configured here");
        breaker.answered();
        assert_eq!(breaker.admit(at(4000)), Ok(()));
        assert_eq!(breaker.admit(at(4000)), Ok(()));
    }
}
