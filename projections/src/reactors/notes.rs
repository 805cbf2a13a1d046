//! From what happens to a task to what its tickets say about it: who is to do it, what else was found, and that it is to
//! be done again.
//!
//! Each is a note of one topic, so that one that still waits gives its place to the next: however fast assignments and
//! evidence come, one note of a topic is on its way and one waits. What people at the other side write into a ticket
//! leads to none, so there is no echo.

use ledger_aggregates::AnyEvent;
use ledger_aggregates::evidence::EvidenceEvent;
use ledger_aggregates::task::{TaskAssigned, TaskCommand, TaskEvidenceAdded, TaskReopened};
use ledger_aggregates::ticket::TicketCommand;
use ledger_aggregates::values::{CheckResult, ControlRef, EffectKind, EvidenceId, TaskId, TicketId};
use serde_json::{Value, json};

use super::intent::command_id;
use super::{Around, Intent, IntentCommand, SeenEvent, person};

/// Evidence that somebody hands in or links concerns the tasks of the controls that fail. What a probe repeats is no
/// news: what it finds is known, and its recovery closes the task.
pub(super) fn evidence(seen: &SeenEvent, event: &EvidenceEvent, around: &Around<'_>) -> Vec<Intent> {
    let Some(evidence) = EvidenceId::from_stream(&seen.stream) else { return Vec::new() };
    let (controls, result): (&[ControlRef], CheckResult) = match event {
        EvidenceEvent::Submitted(e) if e.probe.is_none() => (&e.controls, e.result),
        EvidenceEvent::Linked(e) => (&e.controls, e.result),
        _ => return Vec::new(),
    };
    let add = |control: &ControlRef| {
        let epoch = (around.failure)(&seen.tenant, control)?;
        let task = TaskId::of_control(&seen.tenant, control, epoch);
        Some(intent(seen, IntentCommand::Task(task, TaskCommand::AddEvidence { evidence, result })))
    };
    controls.iter().filter_map(add).collect()
}

/// The controls whose failures [`evidence`] asks for.
pub fn asked(seen: &SeenEvent) -> &[ControlRef] {
    match &seen.event {
        AnyEvent::Evidence(EvidenceEvent::Submitted(e)) if e.probe.is_none() => &e.controls,
        AnyEvent::Evidence(EvidenceEvent::Linked(e)) => &e.controls,
        _ => &[],
    }
}

/// The tickets name the person; here stands where the name is, so that it can be erased in one place.
pub(super) fn assigned(seen: &SeenEvent, e: &TaskAssigned, around: &Around<'_>) -> Vec<Intent> {
    let Some(assignee) = person::place(seen, around) else { return Vec::new() };
    let content = document(&format!("This is assigned to {assignee}."), None);
    told(seen, &e.tickets, &TicketCommand::NoteAssignee { content })
}

/// The tickets name the latest evidence and say how much there is by now.
pub(super) fn evidence_added(seen: &SeenEvent, e: &TaskEvidenceAdded, around: &Around<'_>) -> Vec<Intent> {
    let more = match e.count {
        1 => String::new(),
        count => format!(" It is number {count} since the failure."),
    };
    let text = format!("New evidence: {} ({}).{more}", e.evidence, e.result);
    let content = document(&text, (around.page)(&e.evidence.stream()).as_deref());
    let note = TicketCommand::Note { kind: EffectKind::Comment, evidence: Some(e.evidence), content };
    told(seen, &e.tickets, &note)
}

/// What had been closed there is opened again.
pub(super) fn reopened(seen: &SeenEvent, e: &TaskReopened) -> Vec<Intent> {
    let note = format!(
        "The risk was accepted until {}. No evidence shows that the control holds: it is to be done again.",
        e.until
    );
    told(seen, &e.tickets, &TicketCommand::Reopen { note, heard: seen.seq })
}

/// A paragraph as a protocol `Document`, with a link where there is a page about it.
fn document(text: &str, page: Option<&str>) -> Value {
    let link = page.map(|page| json!({ "text": " See the ledger.", "link": page }));
    let spans: Vec<Value> = [json!({ "text": text })].into_iter().chain(link).collect();
    json!([{ "paragraph": spans }])
}

fn told(seen: &SeenEvent, tickets: &[TicketId], command: &TicketCommand) -> Vec<Intent> {
    let tell = |ticket: &TicketId| intent(seen, IntentCommand::Ticket(*ticket, command.clone()));
    tickets.iter().map(tell).collect()
}

fn intent(seen: &SeenEvent, command: IntentCommand) -> Intent {
    Intent {
        tenant: seen.tenant.clone(),
        id: command_id("notes", &seen.tenant, &command.stream(), [seen.id]),
        cause: seen.as_cause(),
        command,
    }
}
