//! Rate limits of one connection: a bucket for each scope, and pauses as the vendor asks for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How fast a scope may go before the vendor complains.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Requests a second in the long run.
    pub per_second: f64,
    /// At once after a pause.
    pub burst: f64,
}

impl Default for Rates {
    /// Half of the slowest documented burst limit of the built-in vendors, which all apps of a site share.
    fn default() -> Self {
        Self { per_second: 25.0, burst: 25.0 }
    }
}

/// Not before this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// Scopes come from adapters, so there is a bound on how many are remembered.
const SCOPES_MAX: usize = 256;

#[derive(Debug, Default)]
struct State {
    buckets: HashMap<String, Bucket>,
    /// The whole connection waits until then.
    paused: Option<Timestamp>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
    paused: Option<Timestamp>,
}

/// The limiter of one connection.
#[derive(Debug)]
pub struct Limiter {
    rates: Rates,
    state: Arc<Mutex<State>>,
}

impl Limiter {
    /// One that has seen nothing.
    pub fn new(rates: Rates) -> Self {
        Self { rates, state: Arc::default() }
    }

    /// One that goes at these rates and knows what this one has seen: the vendor counts on, whatever is configured here.
    #[must_use]
    pub fn going_on(&self, rates: Rates) -> Self {
        Self { rates, state: Arc::clone(&self.state) }
    }

    /// Takes one request of a scope.
    ///
    /// # Errors
    /// Not yet.
    pub fn admit(&self, scope: &str, now: Timestamp) -> Result<(), Wait> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |until: Option<Timestamp>| until.map(|t| t.since(now)).filter(|wait| !wait.is_zero());
        if let Some(wait) = left(state.paused) {
            return Err(Wait(wait));
        }
        let rates = self.rates;
        let bucket = bucket(&mut state, scope, rates, now);
        if let Some(wait) = left(bucket.paused) {
            return Err(Wait(wait));
        }
        let since = now.since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + since * rates.per_second).min(rates.burst);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Wait(Duration::from_secs_f64((1.0 - bucket.tokens) / rates.per_second.max(0.001))))
    }

    /// The vendor says: not before then. A later word never shortens an earlier one.
    pub fn pause(&self, scope: Option<&str>, until: Timestamp, now: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match scope {
            Some(scope) => &mut bucket(&mut state, scope, self.rates, now).paused,
            None => &mut state.paused,
        };
        *slot = (*slot).max(Some(until));
    }
}

fn bucket<'a>(state: &'a mut State, scope: &str, rates: Rates, now: Timestamp) -> &'a mut Bucket {
    // One too many: all that have nothing to remember are forgotten, and the rest share one.
    if !state.buckets.contains_key(scope) && state.buckets.len() >= SCOPES_MAX {
        state.buckets.retain(|_, bucket| bucket.paused.is_some_and(|until| until > now));
    }
    let name = if state.buckets.len() >= SCOPES_MAX { "" } else { scope };
    let fresh = || Bucket { tokens: rates.burst, filled: now, paused: None };
    state.buckets.entry(name.into()).or_insert_with(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1000)
    }

    #[test]
    fn a_scope_goes_no_faster_than_its_rate_and_leaves_others_alone() {
        let limiter = Limiter::new(Rates { per_second: 10.0, burst: 5.0 });
        let admitted = (0..10_000).filter(|ms| limiter.admit("a", at(*ms)).is_ok()).count();
        assert!((100..=106).contains(&admitted), "{admitted} in ten seconds");
        assert_eq!(limiter.admit("b", at(10_000)), Ok(()));
    }

    #[test]
    fn a_pause_holds_for_its_scope_or_for_all() {
        let limiter = Limiter::new(Rates::default());
        limiter.pause(Some("a"), at(1000), at(0));
        limiter.pause(Some("a"), at(500), at(0));
        assert_eq!(limiter.admit("a", at(600)), Err(Wait(Duration::from_millis(400))));
        assert_eq!(limiter.admit("b", at(600)), Ok(()));
        limiter.pause(None, at(2000), at(600));
        assert_eq!(limiter.admit("b", at(700)), Err(Wait(Duration::from_millis(1300))));
        assert_eq!(limiter.admit("a", at(2000)), Ok(()));
    }

    #[test]
    fn another_configuration_of_the_same_endpoint_goes_on_with_what_is_known() {
        let before = Limiter::new(Rates { per_second: 1.0, burst: 2.0 });
        before.pause(Some("a"), at(1000), at(0));
        assert_eq!(before.admit("b", at(0)), Ok(()));
        let after = before.going_on(Rates { per_second: 10.0, burst: 2.0 });
        assert_eq!(after.admit("a", at(600)), Err(Wait(Duration::from_millis(400))));
        assert_eq!((after.admit("b", at(0)), after.admit("b", at(0)).is_err()), (Ok(()), true));
        assert_eq!(Limiter::new(Rates::default()).admit("a", at(600)), Ok(()), "control");
    }

    #[test]
    fn memory_is_bounded_whatever_scopes_an_adapter_invents() {
        let limiter = Limiter::new(Rates { per_second: 1.0, burst: 1.0 });
        for n in 0..10_000 {
            limiter.pause(Some(&format!("scope {n}")), at(1_000_000), at(0));
        }
        assert!(limiter.state.lock().expect("not poisoned").buckets.len() <= SCOPES_MAX + 1);
    }
}
