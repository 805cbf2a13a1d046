//! From what tickets send to intents, from the outcomes of intents back to tickets, and from what the other side did to
//! tasks.

use ledger_aggregates::AnyEvent;
use ledger_aggregates::intent::{IntentCommand as Wish, IntentEvent, IntentParked, IntentSucceeded};
use ledger_aggregates::task::{ChangeTask, TaskCommand};
use ledger_aggregates::ticket::{Observation, TicketCommand, TicketEvent, TicketSent};
use ledger_aggregates::values::{
    CancelReason, ClaimSource, ConflictChoice, FailureWord, FieldName, IntentId, TaskId, TicketId,
};
use serde_json::{Map, Value};

use super::intent::command_id;
use super::payload::payload;
use super::{Around, Intent, IntentCommand, SeenEvent};

/// The event types that [`tickets`] reacts to.
pub const TICKET_TYPES: &[&str] = &[
    "ledger.ticket.sent.v1",
    "ledger.ticket.held.v1",
    "ledger.ticket.observed.v1",
    "ledger.ticket.conflict_resolved.v1",
    "ledger.ticket.claimed_done.v1",
    "ledger.ticket.superseded.v1",
    "ledger.ticket.closed.v1",
    "ledger.intent.succeeded.v1",
    "ledger.intent.parked.v1",
    "ledger.intent.cancelled.v1",
];

/// The types whose confidential members the reactors need in clear ([`SeenEvent::opened`]).
pub const OPENED_TYPES: &[&str] = &[
    "ledger.task.opened.v1",
    "ledger.task.ticket_linked.v1",
    "ledger.task.changed.v1",
    "ledger.task.closed.v1",
    "ledger.intent.succeeded.v1",
    "ledger.intent.parked.v1",
];

/// The types for which the reactors need the values of the whole ticket up to them ([`SeenEvent::ticket`]).
pub const VALUES_TYPES: &[&str] =
    &["ledger.ticket.sent.v1", "ledger.ticket.observed.v1", "ledger.ticket.conflict_resolved.v1"];

/// What a batch of events means for intents, tickets and tasks, in the order of the events.
pub fn tickets(batch: &[SeenEvent], around: &Around<'_>) -> Vec<Intent> {
    batch.iter().flat_map(|seen| ticket(seen, around)).collect()
}

fn ticket(seen: &SeenEvent, around: &Around<'_>) -> Vec<Intent> {
    match &seen.event {
        AnyEvent::Ticket(event) => {
            let Some(ticket) = TicketId::from_stream(&seen.stream) else { return Vec::new() };
            of_ticket(seen, ticket, event, around)
        }
        AnyEvent::Intent(event) => of_intent(seen, event).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn of_ticket(seen: &SeenEvent, ticket: TicketId, event: &TicketEvent, around: &Around<'_>) -> Vec<Intent> {
    match event {
        TicketEvent::Sent(e) => sent(seen, ticket, e, around),
        // What is sent anew compares with what is agreed on by then.
        TicketEvent::Held(e) if e.reason == FailureWord::Conflict => {
            vec![cancel(seen, ticket, e.number, CancelReason::Obsolete)]
        }
        TicketEvent::Closed(e) => {
            e.unsent.map(|number| cancel(seen, ticket, number, CancelReason::Obsolete)).into_iter().collect()
        }
        TicketEvent::Superseded(e) => vec![cancel(seen, ticket, e.number, CancelReason::Superseded)],
        TicketEvent::ClaimedDone(e) => {
            let claim = TaskCommand::Claim { by: ClaimSource::Ticket, ticket: Some(ticket), note: None };
            vec![intent(seen, IntentCommand::Task(e.task, claim))]
        }
        TicketEvent::Observed(e) => {
            let taken: Vec<&FieldName> = e.taken.iter().map(|taken| &taken.field).collect();
            adopted(seen, ticket, e.task, &taken).into_iter().collect()
        }
        TicketEvent::ConflictResolved(e) if e.choice == ConflictChoice::Theirs => {
            let Some(task) = seen.ticket.as_ref().and_then(|values| values.task()) else { return Vec::new() };
            adopted(seen, ticket, task, &[&e.field]).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn sent(seen: &SeenEvent, ticket: TicketId, e: &TicketSent, around: &Around<'_>) -> Vec<Intent> {
    let replaced = e.replaces.map(|number| cancel(seen, ticket, number, CancelReason::Superseded));
    let id = IntentId::of_send(&seen.tenant, ticket, e.number);
    let wish = Wish::Request {
        integration: e.integration.clone(),
        kind: e.kind,
        ticket: Some(ticket),
        number: Some(e.number),
        payload: payload(seen, ticket, id, e, around),
    };
    replaced.into_iter().chain([intent(seen, IntentCommand::Intent(id, wish))]).collect()
}

/// What the other side changed becomes ours, so that the task's other tickets learn of it.
fn adopted(seen: &SeenEvent, ticket: TicketId, task: TaskId, fields: &[&FieldName]) -> Option<Intent> {
    let values = seen.ticket.as_ref()?.ours();
    let taken = |name: &str| {
        let is_taken = fields.iter().any(|field| field.as_str() == name);
        values.get(name).filter(|_| is_taken)?.as_str().map(str::to_owned)
    };
    let fits = |max: usize| move |text: &String| (1..=max).contains(&text.chars().count());
    let change = ChangeTask {
        severity: taken("severity").and_then(|word| word.parse().ok()),
        due: taken("due").and_then(|time| time.parse().ok()),
        title: taken("title").filter(fits(ledger_aggregates::task::limits::TITLE_CHARS_MAX)),
        text: taken("text").filter(fits(ledger_aggregates::task::limits::TEXT_CHARS_MAX)),
        by: Some(ticket),
    };
    let nothing = ChangeTask { by: Some(ticket), ..ChangeTask::default() };
    (change != nothing).then(|| intent(seen, IntentCommand::Task(task, TaskCommand::Change(change))))
}

fn of_intent(seen: &SeenEvent, event: &IntentEvent) -> Option<Intent> {
    match event {
        IntentEvent::Succeeded(e) => succeeded(seen, e),
        IntentEvent::Parked(e) => parked(seen, e),
        IntentEvent::Cancelled(e) if e.reason == CancelReason::Requested => {
            let abandon = TicketCommand::Abandon { number: e.number? };
            Some(intent(seen, IntentCommand::Ticket(e.ticket?, abandon)))
        }
        _ => None,
    }
}

fn succeeded(seen: &SeenEvent, e: &IntentSucceeded) -> Option<Intent> {
    let result = seen.opened.get("result");
    let command = match e.number {
        Some(number) => TicketCommand::Settle {
            number,
            remote: e
                .remote
                .clone()
                .map(|mac| (mac, result.and_then(|result| result.get("remote")).cloned())),
            receipts: e.receipts.clone(),
            seen: e.seen.clone(),
            values: values(result),
        },
        // Nothing was sent: the ticket was read.
        None => TicketCommand::Observe(Box::new(Observation {
            seen: e.seen.clone()?,
            receipts: e.receipts.clone(),
            values: values(result),
            vendor_status: None,
            who: None,
        })),
    };
    Some(intent(seen, IntentCommand::Ticket(e.ticket?, command)))
}

fn parked(seen: &SeenEvent, e: &IntentParked) -> Option<Intent> {
    let command = match e.number {
        Some(number) => TicketCommand::Hold {
            number,
            reason: e.reason,
            conflicts: e.conflicts.clone(),
            values: values(seen.opened.get("detail")),
        },
        None if e.reason == FailureWord::Missing => TicketCommand::Miss,
        None => return None,
    };
    Some(intent(seen, IntentCommand::Ticket(e.ticket?, command)))
}

fn values(of: Option<&Value>) -> Map<String, Value> {
    let values = of.and_then(|of| of.get("values")).and_then(Value::as_object);
    values.cloned().unwrap_or_default()
}

fn cancel(seen: &SeenEvent, ticket: TicketId, number: u32, reason: CancelReason) -> Intent {
    let id = IntentId::of_send(&seen.tenant, ticket, number);
    intent(seen, IntentCommand::Intent(id, Wish::Cancel { reason }))
}

fn intent(seen: &SeenEvent, command: IntentCommand) -> Intent {
    Intent {
        tenant: seen.tenant.clone(),
        id: command_id("tickets", &seen.tenant, &command.stream(), [seen.id]),
        cause: seen.as_cause(),
        command,
    }
}
