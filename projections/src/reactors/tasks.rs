//! From controls that fail and recover to tasks, and from tasks to their tickets.

use std::time::Duration;

use ledger_aggregates::AnyEvent;
use ledger_aggregates::control::{ControlEvent, ControlObservationRaised};
use ledger_aggregates::route::Occasion;
use ledger_aggregates::task::{
    OpenTask, TaskChanged, TaskClosed, TaskCommand, TaskEvent, TaskOpened, TaskTicketLinked,
};
use ledger_aggregates::ticket::{RequestTicket, SeenField, TicketCommand};
use ledger_aggregates::values::{
    CloseReason, ControlRef, FieldName, RouteTrigger, Severity, TaskId, TicketId, TicketStatus,
};
use serde_json::{Map, Value};

use super::intent::command_id;
use super::{Around, Intent, IntentCommand, SeenEvent, notes};

/// The event types that [`tasks`] reacts to.
pub const TASK_TYPES: &[&str] = &[
    "ledger.control.observation_raised.v1",
    "ledger.control.observation_resolved.v1",
    "ledger.evidence.submitted.v1",
    "ledger.evidence.linked.v1",
    "ledger.task.opened.v1",
    "ledger.task.ticket_linked.v1",
    "ledger.task.assigned.v1",
    "ledger.task.evidence_added.v1",
    "ledger.task.reopened.v1",
    "ledger.task.changed.v1",
    "ledger.task.closed.v1",
];

/// A control that fails is as severe as it gets: what it is worth is for the routes to say.
pub const FAILURE: Severity = Severity::Critical;

/// What a batch of events means for tasks and for the tickets that belong to them, in the order of the events.
pub fn tasks(batch: &[SeenEvent], around: &Around<'_>) -> Vec<Intent> {
    batch.iter().flat_map(|seen| task(seen, around)).collect()
}

fn task(seen: &SeenEvent, around: &Around<'_>) -> Vec<Intent> {
    match &seen.event {
        AnyEvent::Control(ControlEvent::ObservationRaised(e)) => {
            raised(seen, e, around).into_iter().collect()
        }
        AnyEvent::Control(ControlEvent::ObservationResolved(e)) => {
            let Some(control) = ControlRef::from_stream(&seen.stream) else { return Vec::new() };
            let task = TaskId::of_control(&seen.tenant, &control, e.epoch);
            let close = TaskCommand::Close {
                reason: CloseReason::Evidence,
                evidence: e.evidence,
                until: None,
                note: None,
            };
            vec![intent(seen, IntentCommand::Task(task, close))]
        }
        AnyEvent::Task(event) => match event {
            TaskEvent::Opened(e) => opened(seen, e, around),
            TaskEvent::TicketLinked(e) => linked(seen, e, around).into_iter().collect(),
            TaskEvent::Changed(e) => changed(seen, e, around),
            TaskEvent::Closed(e) => closed(seen, e),
            TaskEvent::Assigned(e) => notes::assigned(seen, e, around),
            TaskEvent::EvidenceAdded(e) => notes::evidence_added(seen, e, around),
            TaskEvent::Reopened(e) => notes::reopened(seen, e),
            TaskEvent::RemediationClaimed(_) => Vec::new(),
        },
        AnyEvent::Evidence(event) => notes::evidence(seen, event, around),
        _ => Vec::new(),
    }
}

/// A failure is a task only where a route says so.
fn raised(seen: &SeenEvent, e: &ControlObservationRaised, around: &Around<'_>) -> Option<Intent> {
    let control = ControlRef::from_stream(&seen.stream)?;
    let occasion = Occasion { on: RouteTrigger::ControlFailed, control: Some(&control), severity: FAILURE };
    let routes = around.matching(&seen.tenant, &occasion);
    let first = routes.first()?;
    let severity = routes.iter().filter_map(|route| route.severity).max().unwrap_or(FAILURE);
    let soonest =
        first.due_seconds.into_iter().chain(routes.iter().filter_map(|route| route.due_seconds)).min();
    let due = soonest.map(|seconds| seen.time.plus(Duration::from_secs(u64::from(seconds))));
    let title = (around.title)(&seen.tenant, &control);
    let open = OpenTask {
        severity,
        due,
        title: headline(&control, title.as_deref()),
        text: Some(description(&control, title.as_deref(), e)),
        epoch: Some(e.epoch),
        evidence: Some(e.evidence),
        control: Some(control.clone()),
    };
    let task = TaskId::of_control(&seen.tenant, &control, e.epoch);
    Some(intent(seen, IntentCommand::Task(task, TaskCommand::Open(open))))
}

fn headline(control: &ControlRef, title: Option<&str>) -> String {
    let name = control.control.as_str().to_ascii_uppercase();
    let line = match title {
        Some(title) => format!("{name} {title}: the control fails"),
        None => format!("{name}: the control fails"),
    };
    line.chars().take(ledger_aggregates::task::limits::TITLE_CHARS_MAX).collect()
}

fn description(control: &ControlRef, title: Option<&str>, e: &ControlObservationRaised) -> String {
    let title = title.map_or_else(String::new, |title| format!(" ({title})"));
    format!(
        "Control {} of {}{title} does not hold.\nFailure {} of this control, shown by evidence {}.\n\
         This ticket closes when evidence shows that the control holds again.",
        control.control, control.framework, e.epoch, e.evidence
    )
}

fn opened(seen: &SeenEvent, e: &TaskOpened, around: &Around<'_>) -> Vec<Intent> {
    let Some(task) = TaskId::from_stream(&seen.stream) else { return Vec::new() };
    let (on, severity) = match e.epoch {
        Some(_) => (RouteTrigger::ControlFailed, FAILURE),
        None => (RouteTrigger::TaskOpenedByHand, e.severity),
    };
    let occasion = Occasion { on, control: e.control.as_ref(), severity };
    let link = |(integration, route): (_, ledger_aggregates::route::RouteRule)| {
        let command = TaskCommand::LinkTicket {
            ticket: TicketId::of(&seen.tenant, task, &integration),
            integration: integration.clone(),
            conflict: route.conflict,
            title: seen.opened_text("title"),
            text: seen.opened_text("text"),
        };
        // Several commands to one stream: each has an id of its own.
        let stream = seen.stream.clone();
        let sources = [seen.id.to_string(), integration.to_string()];
        Intent {
            tenant: seen.tenant.clone(),
            id: command_id("tasks", &seen.tenant, &stream, sources),
            cause: seen.as_cause(),
            command: IntentCommand::Task(task, command),
        }
    };
    around.places(&seen.tenant, &occasion).into_iter().map(link).collect()
}

fn linked(seen: &SeenEvent, e: &TaskTicketLinked, around: &Around<'_>) -> Option<Intent> {
    let task = TaskId::from_stream(&seen.stream)?;
    let mut values = Map::new();
    values.insert("title".into(), seen.opened_text("title").unwrap_or_else(|| "A task".into()).into());
    if let Some(text) = seen.opened_text("text") {
        values.insert("text".into(), text.into());
    }
    values.insert("severity".into(), e.severity.as_str().into());
    if let Some(due) = e.due {
        values.insert("due".into(), due.to_string().into());
    }
    let request = RequestTicket {
        task,
        integration: e.integration.clone(),
        conflict: e.conflict,
        control: e.control.clone(),
        evidence: e.evidence,
        severity: e.severity,
        due: e.due,
        fields: fields(seen, &values, around)?,
        values,
    };
    Some(intent(seen, IntentCommand::Ticket(e.ticket, TicketCommand::Request(Box::new(request)))))
}

fn changed(seen: &SeenEvent, e: &TaskChanged, around: &Around<'_>) -> Vec<Intent> {
    let mut values = Map::new();
    for name in ["title", "text"] {
        if let Some(text) = seen.opened_text(name) {
            values.insert(name.into(), text.into());
        }
    }
    if let Some(severity) = e.severity {
        values.insert("severity".into(), severity.as_str().into());
    }
    if let Some(due) = e.due {
        values.insert("due".into(), due.to_string().into());
    }
    let Some(fields) = fields(seen, &values, around).filter(|fields| !fields.is_empty()) else {
        return Vec::new();
    };
    let want = |ticket: &TicketId| {
        let (fields, values) = (fields.clone(), values.clone());
        // The ticket whose side changed it has it already, unless another system's change reached it in between: all
        // tickets follow the order of the task.
        let echo = e.by == Some(*ticket);
        let want =
            TicketCommand::Want { fields, values, status: None, note: None, heard: Some(seen.seq), echo };
        intent(seen, IntentCommand::Ticket(*ticket, want))
    };
    e.tickets.iter().map(want).collect()
}

fn closed(seen: &SeenEvent, e: &TaskClosed) -> Vec<Intent> {
    let said = seen.opened_text("note").map_or_else(String::new, |note| format!(" {note}"));
    let note = match (e.reason, e.evidence, e.until) {
        (CloseReason::Evidence, Some(evidence), _) => {
            format!("Evidence {evidence} shows that the control holds.{said}")
        }
        (CloseReason::Evidence, None, _) => format!("The evidence of the failure was withdrawn.{said}"),
        (CloseReason::Cancelled, _, _) => format!("The task was called off.{said}"),
        (CloseReason::AcceptedRisk, _, Some(until)) => format!("The risk is accepted until {until}.{said}"),
        (CloseReason::AcceptedRisk, _, None) => format!("The risk is accepted.{said}"),
    };
    let status = match e.reason {
        CloseReason::Evidence | CloseReason::AcceptedRisk => TicketStatus::Closed,
        CloseReason::Cancelled => TicketStatus::Cancelled,
    };
    let note: String = note.chars().take(ledger_aggregates::ticket::limits::NOTE_CHARS_MAX).collect();
    let want = TicketCommand::Want {
        fields: Vec::new(),
        values: Map::new(),
        status: Some(status),
        note: Some(note),
        heard: Some(seen.seq),
        echo: false,
    };
    e.tickets.iter().map(|ticket| intent(seen, IntentCommand::Ticket(*ticket, want.clone()))).collect()
}

/// The fields with the MACs of their values; none: the tenant has no keys here.
fn fields(seen: &SeenEvent, values: &Map<String, Value>, around: &Around<'_>) -> Option<Vec<SeenField>> {
    let field = |(name, value): (&String, &Value)| {
        let field = FieldName::new(name).ok()?;
        Some(SeenField { field, mac: (around.mac)(&seen.tenant, value)? })
    };
    values.iter().map(field).collect()
}

fn intent(seen: &SeenEvent, command: IntentCommand) -> Intent {
    Intent {
        tenant: seen.tenant.clone(),
        id: command_id("tasks", &seen.tenant, &command.stream(), [seen.id]),
        cause: seen.as_cause(),
        command,
    }
}
