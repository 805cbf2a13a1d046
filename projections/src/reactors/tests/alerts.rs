//! What asks for attention, and what is over.

use super::*;

#[test]
fn a_failure_raises_one_alert_and_its_recovery_resolves_it_however_often_events_come() {
    let mut run = Run::default();
    let fail = evidence_to_controls(&[submitted(1, CheckResult::Fail, &["host-1"])], &no_default);
    run.run(&fail, "2026-03-01T11:30:00Z");
    assert_eq!((run.alerts.len(), run.open()), (1, 1));
    let before = run.seen.clone();
    // After a crash the same events come again.
    run.run(&fail, "2026-03-01T11:31:00Z");
    run.run(&alerts(&before), "2026-03-01T11:31:00Z");
    assert_eq!(run.seen, before);
    let pass = evidence_to_controls(&[submitted(2, CheckResult::Pass, &["host-1"])], &no_default);
    run.run(&pass, "2026-03-01T11:32:00Z");
    assert_eq!((run.alerts.len(), run.open()), (1, 0));
    let again = evidence_to_controls(&[submitted(3, CheckResult::Fail, &["host-1"])], &no_default);
    run.run(&again, "2026-03-01T11:33:00Z");
    assert_eq!((run.alerts.len(), run.open()), (2, 1), "a new failure is a new alert");
}

/// The driver lost its place: it goes through the log again, in other batches, at a later time.
#[test]
fn going_through_the_log_again_changes_nothing_even_after_a_rejection() {
    let log = [
        submitted(1, CheckResult::Pass, &["host-1"]),
        submitted(2, CheckResult::Fail, &["host-1"]),
        rejected(3, 2, &["host-1"]),
        submitted(4, CheckResult::Pass, &["host-1"]),
    ];
    let mut run = Run::default();
    for seen in &log {
        run.run(&evidence_to_controls(std::slice::from_ref(seen), &no_default), "2026-03-01T11:30:00Z");
    }
    let before = run.seen.clone();
    assert!(before.len() > 4 && run.open() == 0);
    for size in 1..=4 {
        for batch in log.chunks(size) {
            run.run(&evidence_to_controls(batch, &no_default), "2026-03-01T11:40:00Z");
        }
        run.run(&alerts(&before), "2026-03-01T11:40:00Z");
    }
    assert_eq!(run.seen, before);
}

#[test]
fn a_missed_cadence_turns_a_control_stale_with_an_alert_that_fresh_evidence_resolves() {
    let mut run = Run::default();
    let pass = |n| evidence_to_controls(&[submitted(n, CheckResult::Pass, &["host-1"])], &no_default);
    run.run(&pass(1), "2026-03-01T11:02:00Z");
    let row = || ControlDeadline {
        tenant: tenant(1),
        control: control("host-1"),
        stale_after: at("2026-03-01T12:01:00Z"),
    };
    assert_eq!(overdue_controls([row()], at("2026-03-01T12:01:00Z")), []);
    let due = overdue_controls([row()], at("2026-03-01T12:01:01Z"));
    run.run(&due, "2026-03-01T12:01:01Z");
    assert_eq!((run.alerts.len(), run.open()), (1, 1));
    // The read model lags: the row is still there.
    run.run(&overdue_controls([row()], at("2026-03-01T12:02:00Z")), "2026-03-01T12:02:00Z");
    assert_eq!(run.alerts.len(), 1);
    run.run(&pass(59), "2026-03-01T12:03:00Z");
    assert_eq!(run.open(), 0);
    assert_eq!(overdue_controls([row()], at("2026-03-01T13:00:00Z"))[0].id, due[0].id);
}

#[test]
fn silence_and_bad_times_raise_and_resolve_the_same_alert() {
    let deadline = at("2026-03-01T12:00:00Z");
    let probe = ProbeId::new("host-1").unwrap().stream();
    let integration = IntegrationId::new("jira").unwrap().stream();
    let (reason, replaced) = (DegradedReason::Unreachable, RetireReason::Replaced);
    let degraded = |episode| IntegrationDegraded { reason, episode, detail: Confidential::none() };
    let of_probe = |id, event: ProbeEvent| seen(id, probe.clone(), event);
    let of_integration = |id, event: IntegrationEvent| seen(id, integration.clone(), event);
    let pairs = [
        [of_probe(1, ProbeWentSilent { deadline }.into()), of_probe(2, ProbeCameBack { deadline }.into())],
        [
            of_probe(1, ProbeWentSilent { deadline }.into()),
            of_probe(2, ProbeRetired { reason: replaced, deadline: Some(deadline) }.into()),
        ],
        [
            of_integration(1, degraded(2).into()),
            of_integration(2, IntegrationRecovered { episode: 2 }.into()),
        ],
        [
            of_integration(1, degraded(2).into()),
            of_integration(2, IntegrationRetired { reason: replaced, episode: Some(2) }.into()),
        ],
    ];
    for pair in pairs {
        let mut run = Run::default();
        run.run(&alerts(&pair[..1]), "2026-03-01T12:00:01Z");
        assert_eq!(run.open(), 1);
        run.run(&alerts(&pair[1..]), "2026-03-01T12:00:02Z");
        assert_eq!((run.alerts.len(), run.open()), (1, 0));
    }
}

#[test]
fn a_credential_is_warned_of_and_then_ended() {
    let row = || CredentialDeadline {
        tenant: tenant(1),
        credential: CredentialId::new("0123456789abcdef").unwrap(),
        expires_at: at("2026-03-15T12:00:00Z"),
    };
    let stream = |now: &str| {
        overdue_credentials([row()], at(now)).pop().map(|i| i.command.stream().category().to_owned())
    };
    assert_eq!(stream("2026-03-01T11:59:59Z"), None);
    assert_eq!(stream("2026-03-01T12:00:00Z"), Some("alert".into()));
    assert_eq!(stream("2026-03-15T12:00:00Z"), Some("credential".into()));
    let id = |now: &str| overdue_credentials([row()], at(now))[0].id.to_string();
    assert_eq!(id("2026-03-02"), id("2026-03-03"), "warned once");
}

#[test]
fn a_silent_probe_is_asked_to_be_marked() {
    let probe = ProbeId::new("host-1").unwrap();
    let row = || ProbeDeadline {
        tenant: tenant(1),
        probe: probe.clone(),
        silent_after: at("2026-03-01T12:00:00Z"),
    };
    assert_eq!(overdue_probes([row()], at("2026-03-01T12:00:00Z")), []);
    assert_eq!(overdue_probes([row()], at("2026-03-01T12:00:01Z"))[0].command.stream(), probe.stream());
}
