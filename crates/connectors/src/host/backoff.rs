//! How long a failing process stays down.

use std::time::Duration;

/// Doubles from a base to a bound; one success sets it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub base: Duration,
    /// Never longer.
    pub max: Duration,
}

impl Backoff {
    /// How long to wait after so many failures in a row.
    pub fn after(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        if failures == 0 { Duration::ZERO } else { self.base.saturating_mul(doubled).min(self.max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_bound() {
        let backoff = Backoff { base: Duration::from_millis(100), max: Duration::from_secs(60) };
        let waits: Vec<u128> = [0, 1, 2, 3, 10, 40, u32::MAX].map(|n| backoff.after(n).as_millis()).to_vec();
        assert_eq!(waits, [0, 100, 200, 400, 51_200, 60_000, 60_000]);
    }
}
