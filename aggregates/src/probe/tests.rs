use std::time::Duration;

use ledger::domain::{Aggregate, DecideCtx};
use proptest::prelude::*;

use super::*;
use crate::refusal::RefusalKind::{Conflict, Gone, Invalid, NotFound};
use crate::schema::Confidential;
use crate::testing::{at, from_store, given};
use crate::values::{ProbeKind, RetireReason, Version};

fn kind() -> ProbeKind {
    ProbeKind::new("linux-host").unwrap()
}

/// A cadence of one minute: recorded every four, silent after seven.
fn registered() -> ProbeEvent {
    ProbeRegistered {
        kind: kind(),
        cadence_seconds: 60,
        silent_after: at("2026-03-01T12:07:00Z"),
        name: Confidential::of("db-1".into()),
    }
    .into()
}

fn beat(cadence_seconds: u32, version: &str, spool_events: u64) -> ProbeCommand {
    ProbeCommand::Heartbeat(Heartbeat {
        sent_at: at("2026-03-01T12:00:00Z"),
        cadence_seconds,
        version: Some(Version::new(version).unwrap()),
        spool_events,
        spool_bytes: spool_events * 1000,
    })
}

fn recorded(version: &str, silent_after: &str) -> ProbeEvent {
    ProbeHeartbeat {
        sent_at: at("2026-03-01T12:00:00Z"),
        cadence_seconds: 60,
        version: Some(Version::new(version).unwrap()),
        spool_events: 0,
        spool_kib: 0,
        silent_after: at(silent_after),
    }
    .into()
}

#[test]
fn a_probe_is_registered_once() {
    let register = |cadence_seconds, name: &str| {
        ProbeCommand::Register(RegisterProbe { kind: kind(), cadence_seconds, name: Some(name.into()) })
    };
    given::<Probe>([]).when(&register(60, "db-1")).then([registered()]);
    given::<Probe>([registered()]).when(&register(60, "db-1")).then_refused(Conflict, "probe-exists", "");
    given::<Probe>([]).when(&register(0, "db-1")).then_refused(Invalid, "probe-cadence", "/cadence_seconds");
    given::<Probe>([]).when(&register(60, "")).then_refused(Invalid, "probe-name", "/name");
    given::<Probe>([]).when(&beat(60, "1.0", 0)).then_refused(NotFound, "probe-unknown", "");
}

#[test]
fn a_heartbeat_is_recorded_when_it_says_something_new_or_a_period_has_passed() {
    let first = recorded("1.0", "2026-03-01T12:07:00Z");
    given::<Probe>([registered()]).when(&beat(60, "1.0", 0)).then([first.clone()]);
    let past = vec![registered(), first];
    let at_time = |now: &str| given::<Probe>(past.clone()).at(now);
    at_time("2026-03-01T12:03:59Z").when(&beat(60, "1.0", 0)).then_nothing();
    at_time("2026-03-01T12:04:00Z").when(&beat(60, "1.0", 0)).then([recorded("1.0", "2026-03-01T12:11:00Z")]);
    at_time("2026-03-01T12:01:00Z").when(&beat(60, "1.1", 0)).then([recorded("1.1", "2026-03-01T12:08:00Z")]);
    assert_eq!(at_time("2026-03-01T12:01:00Z").when(&beat(60, "1.0", 3)).events().len(), 1);
    assert_eq!(at_time("2026-03-01T12:01:00Z").when(&beat(30, "1.0", 0)).events().len(), 1);
}

#[test]
fn a_silent_probe_is_marked_once_and_comes_back() {
    let deadline = at("2026-03-01T12:07:00Z");
    let silent = ProbeEvent::from(ProbeWentSilent { deadline });
    let mark = ProbeCommand::MarkSilent;
    given::<Probe>([registered()]).at("2026-03-01T12:07:00Z").when(&mark).then_nothing();
    given::<Probe>([registered()]).at("2026-03-01T12:07:01Z").when(&mark).then([silent.clone()]);
    let past = vec![registered(), silent];
    given::<Probe>(past.clone()).at("2026-03-01T13:00:00Z").when(&mark).then_nothing();
    given::<Probe>(past.clone())
        .at("2026-03-01T13:00:00Z")
        .when(&beat(60, "1.0", 0))
        .then([recorded("1.0", "2026-03-01T13:07:00Z"), ProbeCameBack { deadline }.into()]);
    let retire = ProbeCommand::Retire { reason: RetireReason::Requested };
    let retired = |deadline| ProbeEvent::from(ProbeRetired { reason: RetireReason::Requested, deadline });
    given::<Probe>(past).when(&retire).then([retired(Some(deadline))]);
    given::<Probe>([registered()]).when(&retire).then([retired(None)]);
    let over = || [registered(), retired(None)];
    given::<Probe>(over()).when(&retire).then_nothing();
    given::<Probe>(over()).when(&mark).then_nothing();
    given::<Probe>(over()).when(&beat(60, "1.0", 0)).then_refused(Gone, "probe-retired", "");
}

fn run(state: &mut ProbeState, command: &ProbeCommand, now: ledger::time::Timestamp) -> usize {
    let events = Probe::decide(state, command, &DecideCtx { now }).unwrap();
    for event in &events {
        *state = Probe::evolve(std::mem::take(state), &from_store(event));
    }
    events.len()
}

proptest! {
    /// A probe that keeps its cadence is never marked silent, and is recorded at most once in a period.
    #[test]
    fn a_probe_that_keeps_its_cadence_is_not_silent(cadence in 1..10_000_u32, beats in 1..200_u32, late in 1..3_u64) {
        let (mut now, mut state) = (at("2026-03-01"), ProbeState::Absent);
        let register = RegisterProbe { kind: kind(), cadence_seconds: cadence, name: None };
        run(&mut state, &ProbeCommand::Register(register), now);
        let mut recorded = 0;
        for _ in 0..beats {
            // Up to one cadence late: two cadences between two heartbeats.
            now = now.plus(Duration::from_secs(u64::from(cadence) * late));
            prop_assert_eq!(run(&mut state, &ProbeCommand::MarkSilent, now), 0);
            recorded += run(&mut state, &beat(cadence, "1.0", 0), now);
        }
        let period = (u64::from(cadence) * 4).clamp(*HEARTBEAT_PERIOD.start(), *HEARTBEAT_PERIOD.end());
        let seconds = u64::from(beats) * u64::from(cadence) * late;
        prop_assert!(recorded as u64 <= seconds / period + 2);
    }
}
