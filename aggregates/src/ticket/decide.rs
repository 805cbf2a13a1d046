//! The rules of a ticket.

use ledger::domain::{Aggregate, DecideCtx};
use serde_json::{Map, Value};

use super::command::limits;
use super::observe::Decision;
use super::outcome::{abandon, hold, observe, settle};
use super::send::Send;
use super::{
    Link, Place, RequestTicket, SeenField, TicketAssigneeNoted, TicketClosed, TicketCommand, TicketCommented,
    TicketEvent, TicketNoted, TicketRecreated, TicketRelinked, TicketReopened, TicketRequested, TicketState,
    TicketTombstoned, TicketWanted,
};
use crate::refusals;
use crate::schema::Confidential;
use crate::values::{ConflictChoice, EffectKind, TicketEnd, TicketStatus};

/// The aggregate of one ticket.
#[derive(Debug)]
pub struct Ticket;

refusals! {
    /// Why a command to a ticket is refused.
    TicketRefusal {
        /// Nobody asked for it.
        Unknown {} => NotFound, "ticket-unknown", "",
            "there is no ticket with this id", "link one to the task first, or check the id";
        /// It is no longer kept in step.
        Over {} => Gone, "ticket-over", "",
            "the ticket is no longer kept in step", "link another ticket to another task";
        /// There is no conflict.
        NoConflict {} => Conflict, "ticket-no-conflict", "/field",
            "there is no conflict about this field", "read the ticket again: it may have been decided already";
        /// A choice that nobody can make.
        Choice {} => Invalid, "ticket-choice", "/choice",
            "a conflict is decided for our value or for theirs", "choose ours or theirs";
        /// It is not gone.
        NotGone {} => Conflict, "ticket-not-gone", "",
            "the ticket was not missed", "read it: only what was not found can be given up or made again";
        /// It is being opened.
        Opening {} => Conflict, "ticket-opening", "",
            "the ticket is still being opened", "wait for its intent, or replay it if it is parked";
        /// Something that is no note.
        NoNote {} => Invalid, "ticket-note-kind", "/kind",
            "a note is a comment or an attachment", "use comment or attach";
        /// A text that is too long.
        NoteTooLong {
            /// How many characters it has.
            found: usize
        } => Invalid, "ticket-note", "/note",
            "the note has {found} characters; it takes at most 4,000", "shorten it";
        /// Too many of something.
        TooMany {
            /// Which member.
            member: &'static str,
            /// How many fit.
            max: usize,
            /// How many there are.
            found: usize
        } => Invalid, "ticket-too-many", "/{member}",
            "{found} {member} are too many; {max} fit", "map fewer, or wait until some are sent";
    }
}

impl Aggregate for Ticket {
    const CATEGORY: &'static str = "ticket";
    type State = TicketState;
    type Command = TicketCommand;
    type Event = TicketEvent;
    type Error = TicketRefusal;

    fn decide(
        state: &TicketState,
        command: &TicketCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<TicketEvent>, TicketRefusal> {
        match (state, command) {
            (TicketState::Absent, TicketCommand::Request(request)) => requested(request),
            (TicketState::Absent, _) => Err(TicketRefusal::Unknown {}),
            (_, TicketCommand::Request(_)) => Ok(Vec::new()),
            // What we said ourselves stands in our own words already.
            (
                TicketState::Kept(link) | TicketState::Over { link, .. },
                TicketCommand::Comment { comment, .. },
            ) if link.receipts.contains(comment) => Ok(Vec::new()),
            (_, TicketCommand::Comment { .. }) => Ok(commented(command)),
            (TicketState::Kept(link), command) => change(link, command),
            (TicketState::Over { .. }, TicketCommand::Resolve { .. } | TicketCommand::Relink { .. }) => {
                Err(TicketRefusal::Over {})
            }
            (TicketState::Over { .. }, TicketCommand::Recreate) => Err(TicketRefusal::Over {}),
            (
                TicketState::Over { reason: TicketEnd::Closed, link },
                TicketCommand::Reopen { note, heard },
            ) if Some(*heard) > link.heard => {
                let mut decision = Decision::new(link);
                decision.record(TicketReopened {});
                reopen(&mut decision, note, *heard)?;
                Ok(decision.events)
            }
            // What a reactor or a poll still has to say comes too late.
            (TicketState::Over { .. }, _) => Ok(Vec::new()),
        }
    }

    fn evolve(state: TicketState, event: &TicketEvent) -> TicketState {
        state.after(event)
    }
}

fn requested(request: &RequestTicket) -> Result<Vec<TicketEvent>, TicketRefusal> {
    few("fields", request.fields.len(), limits::FIELDS_MAX)?;
    let requested = TicketRequested {
        task: request.task,
        integration: request.integration.clone(),
        conflict: request.conflict,
        control: request.control.clone(),
        evidence: request.evidence,
        severity: request.severity,
        due: request.due,
        fields: request.fields.clone(),
        values: clear(&request.values),
    };
    let requested = TicketEvent::from(requested);
    let TicketState::Kept(link) = TicketState::Absent.after(&requested) else { return Ok(Vec::new()) };
    let mut decision = Decision { link: *link, events: vec![requested] };
    decision.send(Send::Next);
    Ok(decision.events)
}

fn commented(command: &TicketCommand) -> Vec<TicketEvent> {
    let TicketCommand::Comment { comment, at, text, who } = command else { return Vec::new() };
    let text: String = text.chars().take(limits::COMMENT_CHARS_MAX).collect();
    let (comment, text, who) = (comment.clone(), Confidential::of(text), who.clone().into());
    vec![TicketCommented { comment, at: *at, text, who }.into()]
}

fn change(link: &Link, command: &TicketCommand) -> Result<Vec<TicketEvent>, TicketRefusal> {
    let mut decision = Decision::new(link);
    match command {
        TicketCommand::Request(_) | TicketCommand::Comment { .. } => {}
        TicketCommand::Want { heard: heard @ Some(_), .. } if *heard <= link.heard => {}
        TicketCommand::Want { fields, values, status, note, heard, echo } => {
            let is_late =
                |wanted: &SeenField| *echo && link.fields.get(&wanted.field).is_some_and(|known| known.taken);
            let fields: Vec<SeenField> = fields.iter().filter(|wanted| !is_late(wanted)).cloned().collect();
            want(&mut decision, &fields, values, *status, note, *heard)?;
        }
        TicketCommand::Reopen { heard, .. } if Some(*heard) <= link.heard => {}
        TicketCommand::Reopen { note, heard } => reopen(&mut decision, note, *heard)?,
        TicketCommand::Note { kind, evidence, content } => {
            if !matches!(kind, EffectKind::Comment | EffectKind::Attach) {
                return Err(TicketRefusal::NoNote {});
            }
            few("notes", link.waiting.len() + 1, limits::NOTES_MAX)?;
            let (note_number, content) = (link.notes.saturating_add(1), Confidential::of(content.clone()));
            decision.record(TicketNoted { note_number, kind: *kind, evidence: *evidence, content });
            decision.send(Send::Fresh);
        }
        TicketCommand::NoteAssignee { content } => {
            let (note_number, content) = (link.notes.saturating_add(1), Confidential::of(content.clone()));
            decision.record(TicketAssigneeNoted { note_number, content });
            decision.send(Send::Fresh);
        }
        TicketCommand::Settle { number, remote, receipts, seen, values } => {
            let seen = seen.as_ref();
            settle(&mut decision, *number, remote.as_ref(), receipts, seen, values)?;
        }
        TicketCommand::Hold { number, reason, conflicts, values } => {
            hold(&mut decision, *number, *reason, conflicts, values)?;
        }
        TicketCommand::Abandon { number } => abandon(&mut decision, *number),
        TicketCommand::Observe(observation) => observe(&mut decision, observation)?,
        TicketCommand::Resolve { field, choice, note } => {
            if *choice == ConflictChoice::Agreed {
                return Err(TicketRefusal::Choice {});
            }
            note_fits(note.as_ref())?;
            if link.fields.get(field).is_none_or(|field| field.conflict.is_none()) {
                return Err(TicketRefusal::NoConflict {});
            }
            decision.resolve(field, *choice, note.as_ref());
            decision.send(if *choice == ConflictChoice::Ours { Send::Anew } else { Send::Fresh });
        }
        TicketCommand::Miss => decision.miss(),
        TicketCommand::ConfirmGone => match link.place {
            Place::Suspected { .. } => decision.record(TicketTombstoned { episode: link.suspicions }),
            Place::Gone => {}
            Place::Opening | Place::There { .. } => return Err(TicketRefusal::NotGone {}),
        },
        TicketCommand::Relink { .. } | TicketCommand::Recreate | TicketCommand::Waive => {
            mend(&mut decision, command)?;
        }
    }
    Ok(decision.events)
}

fn want(
    decision: &mut Decision,
    fields: &[SeenField],
    values: &Map<String, Value>,
    status: Option<TicketStatus>,
    note: &Option<String>,
    heard: Option<u64>,
) -> Result<(), TicketRefusal> {
    note_fits(note.as_ref())?;
    let link = &decision.link;
    let is_news = |wanted: &&SeenField| {
        link.fields.get(&wanted.field).and_then(|known| known.ours.as_ref()) != Some(&wanted.mac)
    };
    let fields: Vec<SeenField> = fields.iter().filter(is_news).cloned().collect();
    let new = fields.iter().filter(|field| !link.fields.contains_key(&field.field)).count();
    few("fields", link.fields.len() + new, limits::FIELDS_MAX)?;
    let status = status.filter(|status| link.wanted_status != Some(*status));
    if fields.is_empty() && status.is_none() {
        return Ok(());
    }
    let value = |wanted: &SeenField| values.get_key_value(wanted.field.as_str());
    let values: Map<String, Value> =
        fields.iter().filter_map(value).map(|(name, value)| (name.clone(), value.clone())).collect();
    let wanted = TicketWanted {
        revision: link.revision.saturating_add(1),
        fields,
        status,
        heard,
        values: clear(&values),
        note: note.clone().into(),
    };
    decision.record(wanted);
    decision.send(Send::Fresh);
    Ok(())
}

/// It is open there again, whatever was wanted of it until now.
fn reopen(decision: &mut Decision, note: &str, heard: u64) -> Result<(), TicketRefusal> {
    let status = Some(TicketStatus::Open);
    want(decision, &[], &Map::new(), status, &Some(note.to_owned()), Some(heard))
}

/// What an operator decides about a ticket that is gone.
fn mend(decision: &mut Decision, command: &TicketCommand) -> Result<(), TicketRefusal> {
    let episode = decision.link.suspicions;
    let is_lost = matches!(decision.link.place, Place::Suspected { .. } | Place::Gone);
    let is_opening = decision.link.place == Place::Opening;
    match command {
        TicketCommand::Relink { remote_mac, remote } => {
            if is_opening {
                return Err(TicketRefusal::Opening {});
            }
            let episode = is_lost.then_some(episode);
            let (remote_mac, remote) = (remote_mac.clone(), Confidential::of(remote.clone()));
            decision.record(TicketRelinked { episode, remote_mac, remote });
            decision.send(Send::Fresh);
        }
        TicketCommand::Recreate if is_lost => {
            decision.record(TicketRecreated { episode });
            decision.send(Send::Fresh);
        }
        TicketCommand::Recreate => return Err(TicketRefusal::NotGone {}),
        _ if is_lost => {
            let unsent = decision.link.flight.as_ref().map(|flight| flight.number);
            let episode = Some(episode);
            decision.record(TicketClosed { reason: TicketEnd::Waived, episode, unsent });
        }
        _ if is_opening => {
            let unsent = decision.link.flight.as_ref().map(|flight| flight.number);
            decision.record(TicketClosed { reason: TicketEnd::Abandoned, episode: None, unsent });
        }
        _ => return Err(TicketRefusal::NotGone {}),
    }
    Ok(())
}

pub(super) fn clear(values: &Map<String, Value>) -> Confidential<Value> {
    if values.is_empty() { Confidential::none() } else { Confidential::of(Value::Object(values.clone())) }
}

fn note_fits(note: Option<&String>) -> Result<(), TicketRefusal> {
    let found = note.map_or(0, |note| note.chars().count());
    if found > limits::NOTE_CHARS_MAX { Err(TicketRefusal::NoteTooLong { found }) } else { Ok(()) }
}

pub(super) fn few(member: &'static str, found: usize, max: usize) -> Result<(), TicketRefusal> {
    if found > max { Err(TicketRefusal::TooMany { member, max, found }) } else { Ok(()) }
}
