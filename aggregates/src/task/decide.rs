//! The rules of a task.

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;

use super::command::limits;
use super::{
    ChangeTask, Duty, OpenTask, TaskAssigned, TaskChanged, TaskClosed, TaskCommand, TaskEvent,
    TaskEvidenceAdded,
};
use super::{TaskOpened, TaskRemediationClaimed, TaskReopened, TaskState, TaskTicketLinked};
use crate::refusals;
use crate::schema::{Confidential, Personal};
use crate::tenant::Contact;
use crate::values::{CheckResult, CloseReason, EvidenceId, TicketId};

/// The aggregate of one task.
#[derive(Debug)]
pub struct Task;

refusals! {
    /// Why a command to a task is refused.
    TaskRefusal {
        /// It was not opened.
        Unknown {} => NotFound, "task-unknown", "",
            "there is no task with this id", "open it first, or check the id";
        /// The id is taken.
        AlreadyOpened {} => Conflict, "task-exists", "",
            "a task with this id is opened already", "change it, or open another under its own id";
        /// It is over.
        Closed {} => Gone, "task-closed", "",
            "the task is closed", "open another; a control that fails again opens its own";
        /// It is over by evidence's word only.
        NoEvidence {} => Invalid, "task-without-evidence", "/evidence",
            "a task that evidence closes must name the evidence", "name it, or give another reason";
        /// Somebody else closes what a control opened.
        ControlDecides {} => Conflict, "task-needs-evidence", "/reason",
            "the task is of a control that fails: only evidence closes it", "hand in evidence that the control passes, or accept the risk";
        /// A day that is over.
        Past {} => Invalid, "task-until-past", "/until",
            "the risk cannot be accepted until a time that is over", "give a time to come, or leave it out";
        /// A day without a risk.
        UntilWithoutRisk {} => Invalid, "task-until", "/until",
            "only an accepted risk has an end", "leave it out";
        /// Nothing is changed.
        Nothing {} => Invalid, "task-change-empty", "",
            "the change says nothing", "give a severity, a time, a title or a text";
        /// Too many tickets.
        TooManyTickets {} => Conflict, "task-tickets", "",
            "the task has 16 tickets already", "link no more; each integration has one";
        /// A text that is empty or too long.
        Text {
            /// Which member.
            member: &'static str,
            /// How many characters it may have.
            max: usize,
            /// How many it has.
            found: usize
        } => Invalid, "task-text", "/{member}",
            "{member} has {found} characters; it takes 1 to {max}", "shorten it, or leave it out";
    }
}

impl Aggregate for Task {
    const CATEGORY: &'static str = "task";
    type State = TaskState;
    type Command = TaskCommand;
    type Event = TaskEvent;
    type Error = TaskRefusal;

    fn decide(
        state: &TaskState,
        command: &TaskCommand,
        ctx: &DecideCtx,
    ) -> Result<Vec<TaskEvent>, TaskRefusal> {
        match (state, command) {
            (TaskState::Absent, TaskCommand::Open(open)) => opened(open).map(|event| vec![event]),
            // A reactor may see the same failure again.
            (_, TaskCommand::Open(OpenTask { epoch: Some(_), .. })) => Ok(Vec::new()),
            (_, TaskCommand::Open(_)) => Err(TaskRefusal::AlreadyOpened {}),
            // The failure may be older than the routes.
            (TaskState::Absent, TaskCommand::Close { reason: CloseReason::Evidence, .. }) => Ok(Vec::new()),
            (TaskState::Absent | TaskState::Closed { .. }, TaskCommand::AddEvidence { .. }) => Ok(Vec::new()),
            (TaskState::Absent, _) => Err(TaskRefusal::Unknown {}),
            (TaskState::Open(duty), command) => change(duty, command, ctx.now),
            (
                TaskState::Closed { duty, reason: CloseReason::AcceptedRisk, until: Some(until) },
                TaskCommand::Reconsider,
            ) if ctx.now > *until => Ok(vec![TaskReopened { until: *until, tickets: tickets(duty) }.into()]),
            // The control holds again before the accepted risk ends: nothing is left to look at then.
            (
                TaskState::Closed { duty, reason: CloseReason::AcceptedRisk, .. },
                TaskCommand::Close { reason: CloseReason::Evidence, .. },
            ) => closed(duty, command, ctx.now).map(|event| vec![event]),
            (
                TaskState::Closed { .. },
                TaskCommand::Close { .. } | TaskCommand::Reconsider | TaskCommand::Claim { .. },
            ) => Ok(Vec::new()),
            (TaskState::Closed { .. }, _) => Err(TaskRefusal::Closed {}),
        }
    }

    fn evolve(state: TaskState, event: &TaskEvent) -> TaskState {
        state.after(event)
    }
}

fn opened(open: &OpenTask) -> Result<TaskEvent, TaskRefusal> {
    text("title", Some(&open.title), limits::TITLE_CHARS_MAX)?;
    text("text", open.text.as_ref(), limits::TEXT_CHARS_MAX)?;
    let opened = TaskOpened {
        control: open.control.clone(),
        epoch: open.epoch,
        evidence: open.evidence,
        severity: open.severity,
        due: open.due,
        title: Confidential::of(open.title.clone()),
        text: open.text.clone().into(),
    };
    Ok(opened.into())
}

fn change(duty: &Duty, command: &TaskCommand, now: Timestamp) -> Result<Vec<TaskEvent>, TaskRefusal> {
    let event: TaskEvent = match command {
        TaskCommand::Open(_) | TaskCommand::Reconsider => return Ok(Vec::new()),
        TaskCommand::LinkTicket { ticket, .. } if duty.tickets.contains_key(ticket) => return Ok(Vec::new()),
        TaskCommand::LinkTicket { .. } if duty.tickets.len() >= limits::TICKETS_MAX => {
            return Err(TaskRefusal::TooManyTickets {});
        }
        TaskCommand::LinkTicket { ticket, integration, conflict, title, text: body } => {
            text("title", title.as_ref(), limits::TITLE_CHARS_MAX)?;
            text("text", body.as_ref(), limits::TEXT_CHARS_MAX)?;
            TaskTicketLinked {
                ticket: *ticket,
                integration: integration.clone(),
                conflict: *conflict,
                control: duty.control.clone(),
                evidence: duty.evidence,
                severity: duty.severity,
                due: duty.due,
                title: title.clone().into(),
                text: body.clone().into(),
            }
            .into()
        }
        TaskCommand::Assign { subject, assignee } => {
            text("assignee", Some(assignee), limits::TITLE_CHARS_MAX)?;
            let assignee = Personal::of(subject.clone(), Contact(assignee.clone()));
            TaskAssigned { tickets: tickets(duty), assignee }.into()
        }
        TaskCommand::AddEvidence { evidence, result } => return Ok(added(duty, *evidence, *result)),
        TaskCommand::Change(change) => return changed(duty, change),
        TaskCommand::Claim { by, ticket, note } => {
            text("note", note.as_ref(), limits::NOTE_CHARS_MAX)?;
            TaskRemediationClaimed { by: *by, ticket: *ticket, note: note.clone().into() }.into()
        }
        TaskCommand::Close { .. } => closed(duty, command, now)?,
    };
    Ok(vec![event])
}

/// The evidence of the failure itself is told when the tickets are opened.
fn added(duty: &Duty, evidence: EvidenceId, result: CheckResult) -> Vec<TaskEvent> {
    let known = &duty.more_evidence;
    if duty.evidence == Some(evidence) || known.contains(&evidence) || known.len() >= limits::EVIDENCE_MAX {
        return Vec::new();
    }
    let count = u32::try_from(known.len() + 1).unwrap_or(u32::MAX);
    vec![TaskEvidenceAdded { evidence, result, count, tickets: tickets(duty) }.into()]
}

fn changed(duty: &Duty, change: &ChangeTask) -> Result<Vec<TaskEvent>, TaskRefusal> {
    text("title", change.title.as_ref(), limits::TITLE_CHARS_MAX)?;
    text("text", change.text.as_ref(), limits::TEXT_CHARS_MAX)?;
    if (change.severity, change.due) == (None, None) && change.title.is_none() && change.text.is_none() {
        return Err(TaskRefusal::Nothing {});
    }
    let severity = change.severity.filter(|severity| *severity != duty.severity);
    let due = change.due.filter(|due| Some(*due) != duty.due);
    // What is confidential cannot be compared; the tickets compare it by its MAC.
    if (severity, due) == (None, None) && change.title.is_none() && change.text.is_none() {
        return Ok(Vec::new());
    }
    let changed = TaskChanged {
        severity,
        due,
        by: change.by,
        tickets: tickets(duty),
        title: change.title.clone().into(),
        text: change.text.clone().into(),
    };
    Ok(vec![changed.into()])
}

/// What another system, or a user, calls done does not close what a control's failure opened.
fn closed(duty: &Duty, command: &TaskCommand, now: Timestamp) -> Result<TaskEvent, TaskRefusal> {
    let TaskCommand::Close { reason, evidence, until, note } = command else {
        return Err(TaskRefusal::Unknown {});
    };
    text("note", note.as_ref(), limits::NOTE_CHARS_MAX)?;
    let of_control = duty.control.is_some() && duty.evidence.is_some();
    match (reason, evidence, until) {
        // Where the failing evidence was retracted, the control recovers without evidence of its own.
        (CloseReason::Evidence, None, _) if !of_control => return Err(TaskRefusal::NoEvidence {}),
        (CloseReason::Cancelled, _, _) if of_control => return Err(TaskRefusal::ControlDecides {}),
        (CloseReason::AcceptedRisk, _, Some(until)) if *until <= now => return Err(TaskRefusal::Past {}),
        (CloseReason::Evidence | CloseReason::Cancelled, _, Some(_)) => {
            return Err(TaskRefusal::UntilWithoutRisk {});
        }
        _ => {}
    }
    let (evidence, tickets) = (*evidence, tickets(duty));
    Ok(TaskClosed { reason: *reason, evidence, until: *until, tickets, note: note.clone().into() }.into())
}

fn tickets(duty: &Duty) -> Vec<TicketId> {
    duty.tickets.keys().copied().collect()
}

fn text(member: &'static str, text: Option<&String>, max: usize) -> Result<(), TaskRefusal> {
    let Some(text) = text else { return Ok(()) };
    let found = text.chars().count();
    if found == 0 || found > max { Err(TaskRefusal::Text { member, max, found }) } else { Ok(()) }
}
