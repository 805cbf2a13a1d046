//! Reactors on events of their own making, and on a little ledger that runs what they want.

mod alerts;
mod evidence;

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
fn reactors_name_the_types_that_they_react_to() {
    let known: BTreeSet<&str> = ledger_aggregates::all_schemas().map(|schema| schema.event_type).collect();
    for event_type in EVIDENCE_TYPES.iter().chain(ALERT_TYPES).chain(TASK_TYPES).chain(TICKET_TYPES) {
        assert!(known.contains(event_type), "{event_type}");
    }
}
