//! What the tests of tickets begin with.

mod ends;
mod sync;

use ledger::ids::TenantId;
use serde_json::{Map, Value, json};

use super::*;
use crate::refusal::RefusalKind::{Conflict, Gone, Invalid, NotFound};
use crate::testing::{Given, given};
use crate::values::{
    ConflictChoice, ConflictPolicy, EffectKind, EvidenceId, FailureWord, FieldName, IntegrationId, Severity,
    TaskId, TicketEnd, TicketStatus, ValueMac,
};

/// A value's MAC, as the edge would make it.
fn mac(text: &str) -> ValueMac {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    ValueMac::new(format!("{hex:0>64}")).unwrap()
}

fn name(field: &str) -> FieldName {
    FieldName::new(field).unwrap()
}

fn field(field: &str, value: &str) -> SeenField {
    SeenField { field: name(field), mac: mac(value) }
}

fn values(fields: &[(&str, &str)]) -> Map<String, Value> {
    fields.iter().map(|(field, value)| ((*field).to_owned(), json!(value))).collect()
}

fn fields(all: &[(&str, &str)]) -> Vec<SeenField> {
    all.iter().map(|(name, value)| field(name, value)).collect()
}

fn request(policy: ConflictPolicy) -> TicketCommand {
    let task = TaskId::of_control(
        &TenantId::new("t-1").unwrap(),
        &crate::values::ControlRef::new("nist", "ac-2").unwrap(),
        1,
    );
    TicketCommand::Request(Box::new(RequestTicket {
        task,
        integration: IntegrationId::new("jira-1").unwrap(),
        conflict: policy,
        control: None,
        evidence: None,
        severity: Severity::Critical,
        due: None,
        fields: fields(&[("title", "a")]),
        values: values(&[("title", "a")]),
    }))
}

fn state(rank: u64, status: TicketStatus, all: &[(&str, &str)]) -> SeenState {
    SeenState {
        version: mac(&format!("v{rank}")),
        rank: Some(rank),
        at: None,
        status: Some(status),
        fields: fields(all),
    }
}

fn settle(number: u32, rank: u64, all: &[(&str, &str)]) -> TicketCommand {
    TicketCommand::Settle {
        number,
        remote: Some((mac("remote"), Some(json!({ "id": "1" })))),
        receipts: vec![mac(&format!("v{rank}"))],
        seen: Some(state(rank, TicketStatus::Open, all)),
        values: values(all),
    }
}

fn observe(rank: u64, status: TicketStatus, all: &[(&str, &str)]) -> TicketCommand {
    TicketCommand::Observe(Box::new(Observation {
        seen: state(rank, status, all),
        receipts: vec![mac(&format!("v{rank}"))],
        values: values(all),
        vendor_status: None,
        who: None,
    }))
}

fn want(all: &[(&str, &str)]) -> TicketCommand {
    TicketCommand::Want {
        fields: fields(all),
        values: values(all),
        status: None,
        note: None,
        heard: None,
        echo: false,
    }
}

fn close() -> TicketCommand {
    TicketCommand::Want {
        fields: Vec::new(),
        values: Map::new(),
        status: Some(TicketStatus::Closed),
        note: Some("evidence shows it".into()),
        heard: None,
        echo: false,
    }
}

fn hold(number: u32, reason: FailureWord) -> TicketCommand {
    TicketCommand::Hold { number, reason, conflicts: Vec::new(), values: Map::new() }
}

fn history_of(policy: ConflictPolicy, commands: &[TicketCommand]) -> Vec<TicketEvent> {
    commands.iter().fold(given::<Ticket>([]).when(&request(policy)).events(), |past, command| {
        let more = given::<Ticket>(past.clone()).when(command).events();
        [past, more].concat()
    })
}

fn after(commands: &[TicketCommand]) -> Given<Ticket> {
    given::<Ticket>(history_of(ConflictPolicy::Hold, commands))
}

/// A ticket that is there with the title `a`.
fn open() -> TicketCommand {
    settle(1, 1, &[("title", "a")])
}

fn sent(events: &[TicketEvent]) -> Vec<(u32, EffectKind)> {
    let sent = |event: &TicketEvent| match event {
        TicketEvent::Sent(e) => Some((e.number, e.kind)),
        _ => None,
    };
    events.iter().filter_map(sent).collect()
}

fn names(events: &[TicketEvent]) -> Vec<&'static str> {
    use ledger::domain::DomainEvent;
    let short =
        |event: &TicketEvent| event.event_type().trim_start_matches("ledger.ticket.").trim_end_matches(".v1");
    events.iter().map(short).collect()
}
