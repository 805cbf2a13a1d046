use std::time::Duration;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;
use proptest::prelude::*;

use super::decide::SOURCES_MAX;
use super::*;
use crate::refusal::RefusalKind::Invalid;
use crate::testing::{at, from_store, given};
use crate::values::{CheckId, CheckResult, ControlStatus, EvidenceId, SourceId, TargetRef};

/// What source `source` says as evidence `n`, at minute `minute` of the day, for an hour.
fn says(n: u128, source: &str, result: CheckResult, minute: u64) -> AppliedEvidence {
    let observed_to = at("2026-03-01").plus(Duration::from_secs(minute * 60));
    AppliedEvidence {
        evidence: evidence(n),
        source: SourceId::new(source).unwrap(),
        check: CheckId::new("check").unwrap(),
        target_ref: TargetRef::default_ref(),
        result,
        observed_to,
        stale_after: Some(observed_to.plus(Duration::from_secs(3600))),
    }
}

fn evidence(n: u128) -> EvidenceId {
    EvidenceId(uuid::Uuid::from_u128(n))
}

fn apply(evidence: impl IntoIterator<Item = AppliedEvidence>) -> ControlCommand {
    ControlCommand::Apply { evidence: evidence.into_iter().collect() }
}

fn changed(from: ControlStatus, to: ControlStatus, n: Option<u128>) -> ControlEvent {
    ControlStatusChanged { from, to, evidence: n.map(evidence) }.into()
}

fn assessed(
    applied: &[AppliedEvidence],
    status: ControlStatus,
    sources: u32,
    failing: u32,
    stale_after: &str,
) -> ControlEvent {
    ControlAssessed {
        applied: applied.to_vec(),
        status,
        sources,
        failing,
        stale_after: Some(at(stale_after)),
    }
    .into()
}

/// The history after commands, each at its time.
fn history(steps: &[(&str, ControlCommand)]) -> Vec<ControlEvent> {
    let (mut state, mut events) = (ControlState::default(), Vec::new());
    for (now, command) in steps {
        for event in Control::decide(&state, command, &DecideCtx { now: at(now) }).unwrap() {
            state = Control::evolve(state, &from_store(&event));
            events.push(event);
        }
    }
    events
}

#[test]
fn first_evidence_gives_a_status() {
    let pass = says(1, "probe:a", CheckResult::Pass, 720);
    given::<Control>([]).when(&apply([pass.clone()])).then([
        assessed(&[pass], ControlStatus::Pass, 1, 0, "2026-03-01T13:00:00Z"),
        changed(ControlStatus::Unknown, ControlStatus::Pass, Some(1)),
    ]);
}

#[test]
fn the_worst_source_decides_and_a_failure_is_an_observation_until_recovery() {
    let passes = history(&[("2026-03-01T12:00:00Z", apply([says(1, "probe:a", CheckResult::Pass, 719)]))]);
    let fail = says(2, "probe:b", CheckResult::Fail, 720);
    given::<Control>(passes.clone()).when(&apply([fail.clone()])).then([
        assessed(std::slice::from_ref(&fail), ControlStatus::Fail, 2, 1, "2026-03-01T12:59:00Z"),
        changed(ControlStatus::Pass, ControlStatus::Fail, Some(2)),
        ControlObservationRaised { epoch: 1, evidence: evidence(2) }.into(),
    ]);
    let mut events = history(&[
        ("2026-03-01T12:00:00Z", apply([says(1, "probe:a", CheckResult::Pass, 719)])),
        ("2026-03-01T12:00:00Z", apply([fail])),
        // An error neither ends nor renews the failure.
        ("2026-03-01T12:10:00Z", apply([says(3, "probe:b", CheckResult::Error, 730)])),
        ("2026-03-01T12:20:00Z", apply([says(4, "probe:b", CheckResult::Fail, 740)])),
        ("2026-03-01T12:30:00Z", apply([says(5, "probe:b", CheckResult::Pass, 750)])),
        ("2026-03-01T12:40:00Z", apply([says(6, "probe:b", CheckResult::Fail, 760)])),
    ]);
    events.retain(|e| matches!(e, ControlEvent::ObservationRaised(_) | ControlEvent::ObservationResolved(_)));
    assert_eq!(
        events,
        [
            ControlObservationRaised { epoch: 1, evidence: evidence(2) }.into(),
            ControlObservationResolved { epoch: 1, evidence: Some(evidence(5)) }.into(),
            ControlObservationRaised { epoch: 2, evidence: evidence(6) }.into(),
        ]
    );
}

#[test]
fn a_failure_between_two_passes_of_one_batch_is_kept() {
    let batch = [
        says(3, "probe:a", CheckResult::Pass, 720),
        says(1, "probe:a", CheckResult::Pass, 700),
        says(2, "probe:a", CheckResult::Fail, 710),
    ];
    let events = given::<Control>([]).when(&apply(batch)).events();
    let statuses: Vec<_> = events
        .iter()
        .filter_map(|e| if let ControlEvent::StatusChanged(e) = e { Some(e.to) } else { None })
        .collect();
    assert_eq!(statuses, [ControlStatus::Pass, ControlStatus::Fail, ControlStatus::Pass]);
}

#[test]
fn known_and_older_evidence_changes_nothing() {
    let past = history(&[("2026-03-01T12:00:00Z", apply([says(2, "probe:a", CheckResult::Pass, 719)]))]);
    let again =
        apply([says(2, "probe:a", CheckResult::Pass, 719), says(1, "probe:a", CheckResult::Fail, 700)]);
    given::<Control>(past).when(&again).then_nothing();
}

#[test]
fn a_missed_cadence_is_marked_once_and_ends_with_fresh_evidence() {
    let past = history(&[("2026-03-01T12:00:00Z", apply([says(1, "probe:a", CheckResult::Pass, 720)]))]);
    let mark = ControlCommand::MarkStale;
    given::<Control>(past.clone()).at("2026-03-01T13:00:00Z").when(&mark).then_nothing();
    let deadline = at("2026-03-01T13:00:00Z");
    let stale = [
        ControlWentStale { deadline, last_result: CheckResult::Pass, overdue: 1 }.into(),
        changed(ControlStatus::Pass, ControlStatus::Stale, None),
    ];
    given::<Control>(past.clone()).at("2026-03-01T13:00:00.000001Z").when(&mark).then(stale.clone());
    let past = [past, stale.to_vec()].concat();
    given::<Control>(past.clone()).at("2026-03-01T14:00:00Z").when(&mark).then_nothing();
    let fresh = says(2, "probe:a", CheckResult::Pass, 840);
    given::<Control>(past).at("2026-03-01T14:00:00Z").when(&apply([fresh.clone()])).then([
        assessed(&[fresh], ControlStatus::Pass, 1, 0, "2026-03-01T15:00:00Z"),
        ControlRefreshed { deadline }.into(),
        changed(ControlStatus::Stale, ControlStatus::Pass, Some(2)),
    ]);
}

#[test]
fn one_silent_source_makes_stale_whatever_the_others_say() {
    let past = history(&[
        ("2026-03-01T12:00:00Z", apply([says(1, "probe:a", CheckResult::Pass, 720)])),
        ("2026-03-01T13:30:00Z", apply([says(2, "probe:b", CheckResult::Pass, 810)])),
    ]);
    assert_eq!(given::<Control>(past).state().status(), ControlStatus::Stale);
}

#[test]
fn retracted_evidence_no_longer_counts() {
    let past = history(&[(
        "2026-03-01T12:00:00Z",
        apply([says(1, "probe:a", CheckResult::Pass, 719), says(2, "probe:b", CheckResult::Fail, 720)]),
    )]);
    let retracted = |n, status, sources, stale_after: Option<&str>| {
        let stale_after = stale_after.map(at);
        ControlEvent::from(ControlEvidenceRetracted {
            evidence: evidence(n),
            status,
            sources,
            failing: 0,
            stale_after,
        })
    };
    let first = [
        retracted(2, ControlStatus::Pass, 1, Some("2026-03-01T12:59:00Z")),
        changed(ControlStatus::Fail, ControlStatus::Pass, None),
        ControlObservationResolved { epoch: 1, evidence: None }.into(),
    ];
    let retract = |n| ControlCommand::Retract { evidence: evidence(n) };
    given::<Control>(past.clone()).when(&retract(2)).then(first.clone());
    given::<Control>(past.clone()).when(&retract(9)).then_nothing();
    given::<Control>([past, first.to_vec()].concat()).when(&retract(1)).then([
        retracted(1, ControlStatus::Unknown, 0, None),
        changed(ControlStatus::Pass, ControlStatus::Unknown, None),
    ]);
}

#[test]
fn retracted_evidence_does_not_come_back() {
    let fail = says(2, "probe:a", CheckResult::Fail, 719);
    let past = history(&[
        ("2026-03-01T12:00:00Z", apply([says(1, "probe:a", CheckResult::Pass, 710)])),
        ("2026-03-01T12:00:00Z", apply([fail.clone()])),
        ("2026-03-01T12:00:00Z", ControlCommand::Retract { evidence: evidence(2) }),
    ]);
    // The reactor goes through the log again.
    given::<Control>(past.clone())
        .when(&apply([says(1, "probe:a", CheckResult::Pass, 710), fail]))
        .then_nothing();
    given::<Control>(past.clone()).when(&ControlCommand::Retract { evidence: evidence(2) }).then_nothing();
    let newer = apply([says(3, "probe:a", CheckResult::Pass, 720)]);
    assert_eq!(given::<Control>(past).when(&newer).events().len(), 2);
}

#[test]
fn a_batch_has_a_bound() {
    let many = (0..257).map(|n| says(n, "probe:a", CheckResult::Pass, 1));
    given::<Control>([]).when(&apply(many)).then_refused(Invalid, "control-too-much-evidence", "");
}

#[test]
fn evidence_of_too_many_sources_is_left_out_and_said_so() {
    let source = |n: usize| AppliedEvidence {
        target_ref: TargetRef::new(n.to_string()).unwrap(),
        ..says(n as u128, "probe:a", CheckResult::Pass, 720)
    };
    let mut state = ControlState::default();
    for n in 0..SOURCES_MAX {
        state.apply(&source(n));
    }
    state.status = ControlStatus::Pass;
    let known = AppliedEvidence { observed_to: at("2026-03-01T12:01:00Z"), ..source(7) };
    let further = source(SOURCES_MAX);
    let (_, events) = run(state, &apply([known.clone(), further.clone()]), at("2026-03-01T12:02:00Z"));
    let [ControlEvent::Assessed(assessed), ControlEvent::EvidenceLeftOut(left_out)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(assessed.applied, [known]);
    assert_eq!(left_out.evidence, [further.evidence]);
}

#[test]
fn a_status_is_read_off_at_any_time() {
    let deadline = Some(at("2026-03-01T13:00:00Z"));
    let status = |worst, now| status::status_at(worst, deadline, at(now));
    assert_eq!(status(None, "2026-03-02"), ControlStatus::Unknown);
    assert_eq!(status(Some(CheckResult::Fail), "2026-03-01T13:00:00Z"), ControlStatus::Fail);
    assert_eq!(status(Some(CheckResult::Fail), "2026-03-01T13:00:01Z"), ControlStatus::Stale);
}

/// Random evidence whose id follows from its content: the same evidence says the same wherever it turns up.
fn any_says() -> impl Strategy<Value = AppliedEvidence> {
    (0..4_u128, 0..5_usize, 600..760_u64, any::<bool>()).prop_map(|(source, result, minute, cadence)| {
        let n = ((source * 5 + result as u128) * 1_000 + u128::from(minute)) * 2 + u128::from(cadence);
        let says = says(n, &format!("probe:{source}"), CheckResult::ALL[result].1, minute);
        AppliedEvidence { stale_after: says.stale_after.filter(|_| cadence), ..says }
    })
}

fn run(state: ControlState, command: &ControlCommand, now: Timestamp) -> (ControlState, Vec<ControlEvent>) {
    let events = Control::decide(&state, command, &DecideCtx { now }).unwrap();
    (events.iter().fold(state, |state, event| Control::evolve(state, &from_store(event))), events)
}

/// What must hold after every decision.
fn consistent(state: &ControlState, now: Timestamp) -> Result<(), TestCaseError> {
    prop_assert_eq!(state.status(), status::status_at(state.worst(), state.stale_after(), now));
    let stale = matches!(state.freshness(), Freshness::Stale { .. });
    prop_assert_eq!(stale, state.status() == ControlStatus::Stale);
    let open = matches!(state.observation(), Observation::Open { .. });
    prop_assert!(open || state.worst() != Some(CheckResult::Fail));
    prop_assert!(!open || state.worst().is_some_and(|worst| !worst.is_recovery()));
    Ok(())
}

proptest! {
    /// The same set of evidence gives the same sources, status and freshness, in any order and in any batches.
    #[test]
    fn order_and_batches_do_not_matter(
        (ordered, shuffled) in proptest::collection::vec(any_says(), 1..40)
            .prop_flat_map(|set| (Just(set.clone()), Just(set).prop_shuffle())),
        size in 1..9_usize,
    ) {
        let now = at("2026-03-01T13:00:00Z");
        let (together, _) = run(ControlState::default(), &apply(ordered), now);
        let apart = shuffled.chunks(size).fold(ControlState::default(), |state, batch| run(state, &apply(batch.to_vec()), now).0);
        prop_assert_eq!(together.sources().collect::<Vec<_>>(), apart.sources().collect::<Vec<_>>());
        prop_assert_eq!(together.status(), apart.status());
        prop_assert_eq!(
            matches!(together.freshness(), Freshness::Stale { .. }),
            matches!(apart.freshness(), Freshness::Stale { .. })
        );
    }

    /// Any commands at any growing times leave a consistent state; repeating one changes nothing.
    #[test]
    fn decisions_and_their_fold_agree(
        steps in proptest::collection::vec((any_says(), 0..4_u8, 0..40_u64), 1..40),
    ) {
        let mut now = at("2026-03-01T10:00:00Z");
        let mut state = ControlState::default();
        let mut last_applied = None;
        for (says, kind, minutes) in steps {
            now = now.plus(Duration::from_secs(minutes * 60));
            let command = match (kind, last_applied) {
                (0, _) => ControlCommand::MarkStale,
                (1, Some(evidence)) => ControlCommand::Retract { evidence },
                _ => {
                    last_applied = Some(says.evidence);
                    apply([says])
                }
            };
            let changed;
            (state, changed) = run(state, &command, now);
            if changed.is_empty() && !matches!(command, ControlCommand::MarkStale) {
                // Older evidence does not look at the clock.
                (state, _) = run(state, &ControlCommand::MarkStale, now);
            }
            consistent(&state, now)?;
            prop_assert!(run(state.clone(), &command, now).1.is_empty());
        }
    }

    /// Replaying the decided events is all that a state is.
    #[test]
    fn assessed_events_say_what_the_state_says(batch in proptest::collection::vec(any_says(), 1..60)) {
        let now = at("2026-03-01T13:00:00Z");
        let (state, events) = run(ControlState::default(), &apply(batch), now);
        let last = events.iter().rev().find_map(|e| if let ControlEvent::Assessed(e) = e { Some(e) } else { None });
        let last = last.expect("evidence was applied");
        prop_assert_eq!(last.status, state.status());
        prop_assert_eq!(last.stale_after, state.stale_after());
        prop_assert_eq!(last.sources as usize, state.sources().count());
        let failing = state.sources().filter(|(_, held)| held.result == CheckResult::Fail).count();
        prop_assert_eq!(last.failing as usize, failing);
        prop_assert!(events.iter().all(|e| !matches!(e, ControlEvent::Assessed(e) if e.applied.len() > 32)));
    }
}
