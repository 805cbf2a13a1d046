//! A whole world in memory: tasks, tickets, intents and the systems at the other side, with people who edit on both
//! sides at once. Whatever the order of edits, polls, lost answers and repeated reactions: one ticket each, every side
//! comes to the same values, and the writes are bounded by the edits.

mod notes;
mod rapid;
mod remote;
mod send;
mod whole;
mod world;

use remote::Remote;
use world::World;

use std::collections::{BTreeMap, BTreeSet};

use ledger::domain::{Aggregate, DecideCtx, DomainEvent};
use ledger::ids::{Actor, ActorKind, CommandId, EventId, StreamId, TenantId};
use ledger::time::Timestamp;
use ledger_aggregates::AnyEvent;
use ledger_aggregates::alert::{Alert, AlertState};
use ledger_aggregates::control::{ControlEvent, ControlObservationRaised, ControlObservationResolved};
use ledger_aggregates::evidence::{EvidenceEvent, EvidenceLinked};
use ledger_aggregates::intent::{Intent as Work, IntentCommand as Wish, IntentState, Phase};
use ledger_aggregates::route::RouteRule;
use ledger_aggregates::task::{ChangeTask, Task, TaskCommand, TaskState};
use ledger_aggregates::ticket::{
    Observation, SeenField, SeenState, Ticket, TicketCommand, TicketEvent, TicketState, TicketValues,
};
use ledger_aggregates::values::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;

fn tenant() -> TenantId {
    TenantId::new("t").unwrap()
}

fn control() -> ControlRef {
    ControlRef::new("nist", "ac-2").unwrap()
}

fn evidence(n: u128) -> EvidenceId {
    EvidenceId(Uuid::from_u128(n))
}

fn task() -> TaskId {
    TaskId::of_control(&tenant(), &control(), 1)
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn mac(value: &Value) -> ValueMac {
    let digest = Sha256::digest(value.to_string().as_bytes());
    ValueMac::new(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).unwrap()
}

fn seen_fields(values: &Map<String, Value>) -> Vec<SeenField> {
    let field = |(name, value): (&String, &Value)| SeenField {
        field: FieldName::new(name).unwrap(),
        mac: mac(value),
    };
    values.iter().map(field).collect()
}

fn route(integration: &str, conflict: ConflictPolicy) -> RouteRule {
    RouteRule {
        on: RouteTrigger::ControlFailed,
        framework: None,
        control: None,
        severity_min: None,
        action: RouteAction::OpenTicket,
        integration: Some(IntegrationId::new(integration).unwrap()),
        conflict,
        severity: None,
        due_seconds: None,
    }
}

fn routes(policy: ConflictPolicy) -> Vec<RouteRule> {
    vec![route("jira-1", policy), route("snow-1", policy)]
}

fn title(n: u8) -> ChangeTask {
    // With blanks, so that the other side spells it otherwise.
    ChangeTask { title: Some(format!(" title {n} ")), ..ChangeTask::default() }
}
