use std::collections::BTreeMap;
use std::collections::BTreeSet;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::ids::{Actor, ActorKind, CommandId, EventId, StreamId, TenantId};
use ledger::time::Timestamp;
use ledger_aggregates::AnyEvent;
use ledger_aggregates::alert::{Alert, AlertState};
use ledger_aggregates::control::{Control, ControlCommand, ControlState};
use ledger_aggregates::evidence::{EvidenceEvent, EvidenceReviewed, EvidenceSubmitted};
use ledger_aggregates::integration::{
    IntegrationDegraded, IntegrationEvent, IntegrationRecovered, IntegrationRetired,
};
use ledger_aggregates::probe::{ProbeCameBack, ProbeEvent, ProbeRetired, ProbeWentSilent};
use ledger_aggregates::schema::Confidential;
use ledger_aggregates::values::*;
use uuid::Uuid;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn tenant(n: u8) -> TenantId {
    TenantId::new(format!("t-{n}")).unwrap()
}

fn control(id: &str) -> ControlRef {
    ControlRef::new("starter", id).unwrap()
}

fn seen(id: u128, stream: StreamId, event: impl Into<AnyEvent>) -> SeenEvent {
    let actor = Actor { id: CommandId::new("0123456789abcdef").unwrap(), kind: ActorKind::ApiKey };
    SeenEvent {
        tenant: tenant(1),
        stream,
        seq: 0,
        id: EventId(Uuid::from_u128(id)),
        correlation: None,
        actor,
        time: at("2026-03-01T12:00:00Z"),
        event: event.into(),
        opened: serde_json::Map::new(),
        ticket: None,
    }
}

fn evidence(n: u128) -> EvidenceId {
    EvidenceId(Uuid::from_u128(n))
}

/// Evidence `n` of minute `n`, from one probe.
fn submitted(n: u128, result: CheckResult, controls: &[&str]) -> SeenEvent {
    let observed = at(&format!("2026-03-01T11:{n:02}:00Z"));
    let event: EvidenceEvent = EvidenceSubmitted {
        check: CheckId::new("check").unwrap(),
        probe: Some(ProbeId::new("host-1").unwrap()),
        target_ref: TargetRef::default_ref(),
        controls: controls.iter().map(|c| control(c)).collect(),
        result,
        reported_result: None,
        checked: 1,
        skipped: 0,
        observed_from: observed,
        observed_to: observed,
        sent_at: observed,
        received_at: observed,
        cadence_seconds: Some(3600),
        title: Confidential::none(),
        summary: Confidential::none(),
        target: Confidential::none(),
        findings: Confidential::none(),
        blobs: Confidential::none(),
    }
    .into();
    seen(n, evidence(n).stream(), event)
}

fn rejected(id: u128, n: u128, controls: &[&str]) -> SeenEvent {
    let controls = controls.iter().map(|c| control(c)).collect();
    let event: EvidenceEvent =
        EvidenceReviewed { verdict: ReviewVerdict::Rejected, controls, note: Confidential::none() }.into();
    seen(id, evidence(n).stream(), event)
}

fn no_default(_: &TenantId, _: &ControlRef) -> Option<u32> {
    None
}

fn applied(intent: &Intent) -> Vec<u128> {
    match &intent.command {
        IntentCommand::Control(_, ControlCommand::Apply { evidence }) => {
            evidence.iter().map(|e| e.evidence.0.as_u128()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch_gives_one_command_for_each_control() {
    let batch = [
        submitted(1, CheckResult::Pass, &["host-1", "host-2"]),
        submitted(2, CheckResult::Fail, &["host-2"]),
        submitted(3, CheckResult::Pass, &["host-1"]),
    ];
    let intents = evidence_to_controls(&batch, &no_default);
    let streams: Vec<_> = intents.iter().map(|i| i.command.stream().to_string()).collect();
    assert_eq!(streams, ["control-starter.host-1", "control-starter.host-2"]);
    assert_eq!((applied(&intents[0]), applied(&intents[1])), (vec![1, 3], vec![1, 2]));
    assert_eq!(intents[0].cause.cause, Some(batch[2].id));
    // Two conversations meet in one command, so it belongs to neither.
    assert_eq!(intents[0].cause.correlation, None);
    assert_eq!(evidence_to_controls(&batch, &no_default), intents, "the same events give the same intents");
}

#[test]
fn a_large_batch_is_split_and_tenants_stay_apart() {
    let mut batch: Vec<SeenEvent> =
        (0..600).map(|n| submitted(n % 60, CheckResult::Pass, &["host-1"])).collect();
    batch[599].tenant = tenant(2);
    let intents = evidence_to_controls(&batch, &no_default);
    let sizes: Vec<_> = intents.iter().map(|i| (i.tenant.to_string(), applied(i).len())).collect();
    let one = tenant(1).to_string();
    assert_eq!(sizes, [(one.clone(), 256), (one.clone(), 256), (one, 87), (tenant(2).to_string(), 1)]);
    let ids: BTreeSet<_> = intents.iter().map(|i| i.id.to_string()).collect();
    assert_eq!(ids.len(), intents.len());
}

#[test]
fn the_catalogue_gives_a_cadence_where_the_evidence_does_not() {
    let mut event = submitted(1, CheckResult::Pass, &["host-1"]);
    let AnyEvent::Evidence(EvidenceEvent::Submitted(e)) = &mut event.event else { panic!() };
    e.cadence_seconds = None;
    let deadline = |intents: &[Intent]| match &intents[0].command {
        IntentCommand::Control(_, ControlCommand::Apply { evidence }) => evidence[0].stale_after,
        other => panic!("{other:?}"),
    };
    assert_eq!(deadline(&evidence_to_controls(std::slice::from_ref(&event), &no_default)), None);
    let day = |_: &TenantId, _: &ControlRef| Some(86_400);
    assert_eq!(deadline(&evidence_to_controls(&[event], &day)), Some(at("2026-03-02T11:01:00Z")));
}

#[test]
fn a_source_is_the_probe_or_else_the_actor() {
    let mut event = submitted(1, CheckResult::Pass, &["host-1"]);
    let source = |intents: &[Intent]| match &intents[0].command {
        IntentCommand::Control(_, ControlCommand::Apply { evidence }) => evidence[0].source.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(source(&evidence_to_controls(std::slice::from_ref(&event), &no_default)), "probe:host-1");
    let AnyEvent::Evidence(EvidenceEvent::Submitted(e)) = &mut event.event else { panic!() };
    e.probe = None;
    assert_eq!(source(&evidence_to_controls(&[event], &no_default)), "api-key:0123456789abcdef");
}

#[test]
fn a_rejection_takes_its_place_between_applications() {
    let batch = [
        submitted(1, CheckResult::Fail, &["host-1"]),
        rejected(2, 1, &["host-1"]),
        submitted(3, CheckResult::Pass, &["host-1"]),
    ];
    let intents = evidence_to_controls(&batch, &no_default);
    assert_eq!(intents.len(), 3);
    let retract = ControlCommand::Retract { evidence: evidence(1) };
    assert_eq!(intents[1].command, IntentCommand::Control(control("host-1"), retract));
}

/// A little ledger: runs intents of any batches until nothing follows, and keeps every event.
#[derive(Default)]
struct Run {
    controls: BTreeMap<StreamId, ControlState>,
    alerts: BTreeMap<StreamId, AlertState>,
    seen: Vec<SeenEvent>,
}

impl Run {
    fn run(&mut self, intents: &[Intent], now: &str) {
        let ctx = DecideCtx { now: at(now) };
        let mut batch = Vec::new();
        for intent in intents {
            let stream = intent.command.stream();
            let id = 1000 + (self.seen.len() + batch.len()) as u128;
            match &intent.command {
                IntentCommand::Control(_, command) => {
                    let state = self.controls.entry(stream.clone()).or_default();
                    for event in Control::decide(state, command, &ctx).unwrap() {
                        *state = Control::evolve(std::mem::take(state), &event);
                        batch.push(seen(id, stream.clone(), event));
                    }
                }
                IntentCommand::Alert(_, command) => {
                    let state = self.alerts.entry(stream.clone()).or_default();
                    for event in Alert::decide(state, command, &ctx).unwrap() {
                        *state = Alert::evolve(std::mem::take(state), &event);
                        batch.push(seen(id, stream.clone(), event));
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let follow = alerts(&batch);
        self.seen.extend(batch);
        if !follow.is_empty() {
            self.run(&follow, now);
        }
    }

    fn open(&self) -> usize {
        self.alerts.values().filter(|state| **state == AlertState::Raised).count()
    }
}

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

#[test]
fn reactors_name_the_types_that_they_react_to() {
    let known: BTreeSet<&str> = ledger_aggregates::all_schemas().map(|schema| schema.event_type).collect();
    for event_type in EVIDENCE_TYPES.iter().chain(ALERT_TYPES).chain(TASK_TYPES).chain(TICKET_TYPES) {
        assert!(known.contains(event_type), "{event_type}");
    }
}
