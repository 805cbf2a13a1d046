//! When an integration looks at the other system: as it is written, and as it comes.

use std::time::Duration;

use chrono_tz::Tz;
use ledger::time::Timestamp;
use ledger_probe::runner;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A day: a longer interval is written as cron does.
const EVERY_SECONDS_MAX: u64 = 86_400;
/// Vendors count requests by the minute: looking more often than this only uses the limit up.
const EVERY_SECONDS_MIN: u64 = 1;
/// Longer than any interval that needs spreading.
const JITTER_SECONDS_MAX: u64 = 3_600;

/// When to look, as it stands in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// `minute hour day month weekday`, as cron writes it.
    #[serde(default)]
    pub cron: Option<String>,
    /// At every multiple of so many seconds; instead of `cron`.
    #[serde(default)]
    pub every_seconds: Option<u64>,
    /// The time zone that `cron` is read in, such as `Europe/Berlin`.
    #[serde(default = "default_zone")]
    pub time_zone: String,
    /// Each time is put off by up to so many seconds, so that not all integrations of a site come at once.
    #[serde(default)]
    pub jitter_seconds: u64,
    /// What becomes of times that passed while nothing ran.
    #[serde(default)]
    pub missed: Missed,
}

fn default_zone() -> String {
    "UTC".into()
}

/// What becomes of times that passed while nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// One run makes up for all of them, at once.
    #[default]
    RunOnce,
    /// None does: the next one comes at its time.
    Skip,
}

/// When to look.
#[derive(Debug, Clone)]
pub struct Schedule {
    rhythm: Rhythm,
    jitter: Duration,
    /// What becomes of times that passed while nothing ran.
    pub missed: Missed,
}

#[derive(Debug, Clone)]
enum Rhythm {
    Cron(runner::Schedule, Tz),
    Every(Duration),
}

/// A member of a specification that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct SpecError {
    /// Which, as a JSON pointer below the specification.
    pub pointer: &'static str,
    /// Why.
    pub detail: String,
}

impl ScheduleSpec {
    /// At every multiple of so many seconds.
    pub fn every(seconds: u64) -> Self {
        Self {
            cron: None,
            every_seconds: Some(seconds),
            time_zone: default_zone(),
            jitter_seconds: 0,
            missed: Missed::RunOnce,
        }
    }

    /// Reads what it says.
    ///
    /// # Errors
    /// The member that does not fit.
    pub fn compile(&self) -> Result<Schedule, SpecError> {
        let wrong = |pointer, detail: String| SpecError { pointer, detail };
        let rhythm = match (&self.cron, self.every_seconds) {
            (Some(_), Some(_)) => {
                return Err(wrong("/every_seconds", "there is a cron schedule, too: leave one out".into()));
            }
            (None, None) => return Err(wrong("", "give cron or every_seconds".into())),
            (Some(cron), None) => {
                let zone: Tz = self.time_zone.parse().map_err(|_| {
                    wrong(
                        "/time_zone",
                        format!("{:?} is no IANA time zone, such as Europe/Berlin", self.time_zone),
                    )
                })?;
                let cron =
                    cron.parse().map_err(|error: runner::ScheduleError| wrong("/cron", error.to_string()))?;
                Rhythm::Cron(cron, zone)
            }
            (None, Some(seconds)) if (EVERY_SECONDS_MIN..=EVERY_SECONDS_MAX).contains(&seconds) => {
                Rhythm::Every(Duration::from_secs(seconds))
            }
            (None, Some(seconds)) => {
                let detail = format!(
                    "{seconds} is not between {EVERY_SECONDS_MIN} and {EVERY_SECONDS_MAX}; longer ones are written as cron"
                );
                return Err(wrong("/every_seconds", detail));
            }
        };
        if self.jitter_seconds > JITTER_SECONDS_MAX {
            return Err(wrong("/jitter_seconds", format!("at most {JITTER_SECONDS_MAX}")));
        }
        Ok(Schedule { rhythm, jitter: Duration::from_secs(self.jitter_seconds), missed: self.missed })
    }
}

impl Schedule {
    /// The first time after `time` that this integration's turn comes.
    ///
    /// The jitter follows from the integration and the time, so that a restart neither repeats a turn nor leaves one out.
    pub fn next_after(&self, time: Timestamp, integration: &str) -> Option<Timestamp> {
        // A turn that was put off past `time` may belong to a slot before it.
        let mut slot = Timestamp::from_micros(time.micros() - micros(self.jitter));
        loop {
            slot = self.slot_after(slot)?;
            let turn = self.put_off(slot, integration);
            if turn > time {
                return Some(turn);
            }
        }
    }

    fn slot_after(&self, time: Timestamp) -> Option<Timestamp> {
        match &self.rhythm {
            Rhythm::Cron(cron, zone) => cron.next_after_in(time, zone),
            Rhythm::Every(every) => {
                let every = micros(*every);
                Some(Timestamp::from_micros((time.micros().div_euclid(every) + 1) * every))
            }
        }
    }

    fn put_off(&self, slot: Timestamp, integration: &str) -> Timestamp {
        let jitter = micros(self.jitter);
        if jitter == 0 {
            return slot;
        }
        let digest = Sha256::digest(format!("{integration}\n{}", slot.micros()));
        let [a, b, c, d, e, f, g, h, ..] = digest.0;
        let draw = i64::from_be_bytes([a, b, c, d, e, f, g, h]).rem_euclid(jitter);
        Timestamp::from_micros(slot.micros() + draw)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cron(text: &str, zone: &str) -> Schedule {
        let spec = ScheduleSpec {
            cron: Some(text.into()),
            every_seconds: None,
            time_zone: zone.into(),
            ..ScheduleSpec::every(1)
        };
        spec.compile().unwrap()
    }

    #[test]
    fn a_zone_keeps_its_hour_over_the_change_of_clocks() {
        let six = cron("0 6 * * *", "Europe/Berlin");
        // On 29 March 2026 clocks go forward: 06:00 is 05:00 UTC before and 04:00 UTC after.
        assert_eq!(six.next_after(time("2026-03-28T00:00:00Z"), "a").unwrap(), time("2026-03-28T05:00:00Z"));
        assert_eq!(six.next_after(time("2026-03-29T00:00:00Z"), "a").unwrap(), time("2026-03-29T04:00:00Z"));
        // An hour that there is twice comes once.
        let twice = cron("30 2 * * *", "Europe/Berlin");
        let first = twice.next_after(time("2026-10-25T00:00:00Z"), "a").unwrap();
        assert!(twice.next_after(first, "a").unwrap() >= time("2026-10-25T01:30:00Z"));
    }

    #[test]
    fn intervals_stand_on_a_grid_that_a_restart_does_not_move() {
        let every = ScheduleSpec::every(300).compile().unwrap();
        let next = |at: &str| every.next_after(time(at), "a").unwrap();
        assert_eq!(next("2026-03-01T12:01:07Z"), time("2026-03-01T12:05:00Z"));
        assert_eq!(next("2026-03-01T12:05:00Z"), time("2026-03-01T12:10:00Z"));
    }

    #[test]
    fn jitter_spreads_integrations_and_never_gives_a_turn_twice() {
        let spec = ScheduleSpec { jitter_seconds: 120, ..ScheduleSpec::every(300) };
        let schedule = spec.compile().unwrap();
        let from = time("2026-03-01T12:00:00Z");
        let turns: std::collections::BTreeSet<_> =
            (0..20).map(|n| schedule.next_after(from, &format!("i{n}")).unwrap().micros()).collect();
        assert!(turns.len() > 10, "{turns:?}");
        let (mut at, mut count) = (from, 0);
        while at < time("2026-03-01T13:00:00Z") {
            let next = schedule.next_after(at, "a").unwrap();
            assert!(next > at);
            (at, count) = (next, count + 1);
        }
        assert!((12..=13).contains(&count), "{count}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let at = |spec: ScheduleSpec| spec.compile().map(drop).unwrap_err().pointer;
        let every = ScheduleSpec::every(60);
        assert_eq!(at(ScheduleSpec { every_seconds: None, ..every.clone() }), "");
        assert_eq!(at(ScheduleSpec { cron: Some("* * * * *".into()), ..every.clone() }), "/every_seconds");
        assert_eq!(at(ScheduleSpec::every(0)), "/every_seconds");
        assert_eq!(at(ScheduleSpec { jitter_seconds: 9999, ..every.clone() }), "/jitter_seconds");
        let cron = ScheduleSpec { cron: Some("x".into()), every_seconds: None, ..every };
        assert_eq!(at(cron.clone()), "/cron");
        assert_eq!(
            at(ScheduleSpec { cron: Some("* * * * *".into()), time_zone: "Mars/North".into(), ..cron }),
            "/time_zone"
        );
    }
}
