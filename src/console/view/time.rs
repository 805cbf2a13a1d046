//! Times: in UTC, in the order in which people compare them.

use std::time::Duration;

use ledger::time::Timestamp;

/// A time, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// RFC 3339 with microseconds.
    pub exact: String,
    /// Day and time to the second.
    pub short: String,
    /// Time of day to the millisecond.
    pub clock: String,
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> Self {
        let exact = time.to_string();
        // `YYYY-MM-DDThh:mm:ss.ffffffZ`: years beyond 9999 do not occur.
        let part = |range: std::ops::Range<usize>| exact.get(range).unwrap_or_default();
        Self { short: format!("{} {}", part(0..10), part(11..19)), clock: part(11..23).to_owned(), exact }
    }
}

/// The first moment of a day written `YYYY-MM-DD`.
pub fn day_start(day: &str) -> Option<Timestamp> {
    let shaped = day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    shaped.then(|| format!("{day}T00:00:00.000000Z").parse().ok()).flatten()
}

/// A day as a date field takes it; what is none leaves the field empty.
pub fn day_text(day: &str) -> String {
    day_start(day).map(|_| day.to_owned()).unwrap_or_default()
}

/// The first moment of the day after.
pub fn day_end(day: &str) -> Option<Timestamp> {
    day_start(day).map(|start| start.plus(Duration::from_secs(86_400)))
}
