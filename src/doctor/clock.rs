//! The clock of this machine, against the database's and against what it has signed.

use ledger::clock::{Clock, SystemClock};
use ledger::time::Timestamp;
use serde_json::Value;

use super::Report;

const CHECK: &str = "clock";

/// Clocks that are kept right differ by less, in seconds.
const OFF_S_WARN: i64 = 5;
/// Evidence of the last minute would be of the future: it is refused.
const OFF_S_FAIL: i64 = 60;
const MEND: &str = "keep clocks right with chrony or systemd-timesyncd (`timedatectl`)";

/// The time in the header of an event, in microseconds since 1970.
fn time_of(header: &[u8]) -> Option<i64> {
    let header: Value = serde_json::from_slice(header).ok()?;
    header["time"].as_str()?.parse::<Timestamp>().ok().map(Timestamp::micros)
}

/// Now, in microseconds since 1970.
pub fn now() -> i64 {
    SystemClock.now().micros()
}

/// Holds `own` against the newest event and the database's clock, all in microseconds since 1970.
pub fn check(report: &mut Report, own: i64, newest: Option<&[u8]>, database: Option<i64>) {
    let seconds = |micros: i64| micros as f64 / 1e6;
    let mut told = Vec::new();
    let mut off = 0;
    if let Some(database) = database {
        off = (own - database).abs();
        told.push(format!("{:+.3} s against the database's", seconds(own - database)));
    }
    if let Some(event) = newest.and_then(time_of) {
        off = off.max(event - own);
        told.push(format!("the newest event is {:.0} s old", seconds(own - event)));
    }
    if told.is_empty() {
        return report.ok(CHECK, "there is nothing to hold it against yet");
    }
    let found = told.join(", ");
    match off / 1_000_000 {
        off if off >= OFF_S_FAIL => {
            report.fail(CHECK, format!("{found}: it is wrong, and evidence would be refused"), MEND)
        }
        off if off >= OFF_S_WARN => report.warn(CHECK, found, MEND),
        _ => report.ok(CHECK, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(own_s: i64, event: Option<&str>, database_s: Option<i64>) -> String {
        let mut report = Report::default();
        let header = event.map(|time| format!("{{\"time\":\"{time}\"}}"));
        check(
            &mut report,
            own_s * 1_000_000,
            header.as_deref().map(str::as_bytes),
            database_s.map(|s| s * 1_000_000),
        );
        report.text()
    }

    #[test]
    fn a_clock_is_held_against_the_database_and_the_newest_event() {
        let at_100 = "1970-01-01T00:01:40.000000Z";
        assert!(told(100, None, None).starts_with("ok"));
        assert!(told(101, Some(at_100), Some(101)).starts_with("ok"));
        // An old event is nothing: an event of the future is.
        assert!(told(9_000, Some(at_100), None).starts_with("ok"));
        assert!(told(90, Some(at_100), None).starts_with("warn"));
        assert!(told(10, Some(at_100), None).starts_with("FAIL"));
        assert!(told(110, None, Some(100)).starts_with("warn"));
        assert!(told(100, None, Some(200)).starts_with("FAIL"));
    }
}
