//! Schedules as cron writes them, in UTC.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use ledger::time::Timestamp;

/// How many future times are looked at to find the longest gap; enough for every weekday of a month.
const LOOK_AHEAD: usize = 64;
/// What a cadence allows beyond the longest gap, as a part of it, so that a slow run does not make a control stale.
const GRACE_DIVISOR: u32 = 4;

/// A schedule that cannot be read, or never comes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schedule {text:?}: {reason}; write \"minute hour day month weekday\", for example \"*/15 * * * *\"")]
pub struct ScheduleError {
    /// What was given.
    pub text: String,
    /// What is wrong.
    pub reason: String,
}

/// When to run.
#[derive(Debug, Clone)]
pub struct Schedule(Box<cron::Schedule>);

impl FromStr for Schedule {
    type Err = ScheduleError;

    /// Reads five fields as cron does, or six with seconds first.
    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let error = |reason: String| ScheduleError { text: text.chars().take(80).collect(), reason };
        let fields = text.split_whitespace().count();
        let whole = match fields {
            5 => format!("0 {}", weekdays(text)),
            6 => text.to_owned(),
            _ => return Err(error(format!("{fields} fields instead of 5"))),
        };
        let schedule: cron::Schedule = whole.parse().map_err(|e: cron::error::Error| error(e.to_string()))?;
        let schedule = Self(Box::new(schedule));
        let comes = schedule.next_after(Timestamp::from_micros(0)).is_some();
        if comes { Ok(schedule) } else { Err(error("it never comes".to_owned())) }
    }
}

/// cron counts weekdays from 0 (or 7) for Sunday, the library from 1: names are the same in both.
fn weekdays(text: &str) -> String {
    const NAMES: [&str; 8] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let (front, day) = text.trim().rsplit_once(char::is_whitespace).unwrap_or(("", text));
    let named: String = day
        .split_inclusive([',', '-'])
        .map(|part| {
            let digit = part.trim_end_matches([',', '-']);
            // The number behind a slash is a step, not a day.
            match digit.parse::<usize>().ok().and_then(|n| NAMES.get(n)) {
                Some(name) => part.replacen(digit, name, 1),
                None => part.to_owned(),
            }
        })
        .collect();
    format!("{front} {named}")
}

/// In UTC; a time that chrono cannot show is its epoch.
fn utc(time: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.micros()).unwrap_or_default()
}

impl Schedule {
    /// The first time after `time`; `None` if there is none any more.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        self.next_after_in(time, &Utc)
    }

    /// As [`next_after`](Self::next_after), with the fields read as the local time of a zone.
    pub fn next_after_in<Z: TimeZone>(&self, time: Timestamp, zone: &Z) -> Option<Timestamp> {
        let local = utc(time).with_timezone(zone);
        self.0.after(&local).next().map(|next| Timestamp::from_micros(next.timestamp_micros()))
    }

    /// After how long the next result is due at the latest: the longest gap ahead, a quarter of it, and `run`.
    pub fn cadence(&self, from: Timestamp, run: Duration) -> Duration {
        let times: Vec<Timestamp> = self
            .0
            .after(&utc(from))
            .take(LOOK_AHEAD)
            .map(|next| Timestamp::from_micros(next.timestamp_micros()))
            .collect();
        let gaps = times.windows(2).map(|pair| pair[1].since(pair[0]));
        let longest = gaps.max().unwrap_or(Duration::from_secs(86_400));
        longest + longest / GRACE_DIVISOR + run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let schedule: Schedule = schedule.parse().unwrap();
        schedule.next_after(after.parse().unwrap()).unwrap().to_string()[..16].to_owned()
    }

    #[test]
    fn cron_times_in_utc() {
        assert_eq!(next("*/15 * * * *", "2026-03-01T12:01:00Z"), "2026-03-01T12:15");
        assert_eq!(next("0 6 * * *", "2026-03-01T06:00:00Z"), "2026-03-02T06:00");
        assert_eq!(next("30 0 6 * * *", "2026-03-01T00:00:00Z"), "2026-03-01T06:00");
        // The first of March 2026 is a Sunday.
        for sunday in ["0 0 * * 0", "0 0 * * 7", "0 0 * * Sun"] {
            assert_eq!(next(sunday, "2026-03-02T00:00:00Z"), "2026-03-08T00:00", "{sunday}");
        }
        assert_eq!(next("0 0 * * 1-5", "2026-03-06T00:00:00Z"), "2026-03-09T00:00");
        assert_eq!(next("0 0 * * 1,3", "2026-03-02T00:00:00Z"), "2026-03-04T00:00");
    }

    #[test]
    fn wrong_schedules_say_what_is_expected() {
        for wrong in ["", "* * * *", "61 * * * *", "x * * * *", "0 0 31 2 *", "* * * * * * * *"] {
            let error = wrong.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("minute hour day"), "{error}");
        }
    }

    #[test]
    fn the_cadence_spans_the_longest_gap() {
        let from = "2026-03-01T00:00:00Z".parse().unwrap();
        let hours = |text: &str| {
            let schedule: Schedule = text.parse().unwrap();
            schedule.cadence(from, Duration::ZERO).as_secs() / 3600
        };
        assert_eq!(hours("0 * * * *"), 1);
        assert_eq!(hours("0 9 * * 1-5"), 90);
        let with_run = "0 * * * *".parse::<Schedule>().unwrap().cadence(from, Duration::from_secs(60));
        assert_eq!(with_run.as_secs(), 4500 + 60);
    }
}
