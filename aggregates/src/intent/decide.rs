//! The rules of an intent.

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;

use super::command::limits;
use super::state::Sent;
use super::{IntentAbsent, IntentAttemptStarted, IntentCancelled, IntentCommand, IntentDelayed, IntentEvent};
use super::{IntentParked, IntentReplayed, IntentRequested, IntentState, IntentSucceeded, IntentUncertain};
use super::{Phase, Work};
use crate::refusals;
use crate::schema::Confidential;
use crate::values::{EffectPurpose, FailureWord, RepeatRule};

/// The aggregate of one intent.
#[derive(Debug)]
pub struct Intent;

refusals! {
    /// Why a command to an intent is refused.
    IntentRefusal {
        /// Nobody asked for it.
        Unknown {} => NotFound, "intent-unknown", "",
            "there is no intent with this id", "check the id in the list of work";
        /// It is over.
        Ended {} => Conflict, "intent-ended", "",
            "the intent is carried out or cancelled", "ask for another";
        /// It waits for somebody.
        Parked {} => Conflict, "intent-parked", "",
            "the intent is parked", "mend what is in its way, then replay it";
        /// It is not parked.
        NotParked {} => Conflict, "intent-not-parked", "",
            "the intent is not parked", "there is nothing to replay: it is tried again by itself";
        /// It is too early.
        NotDue {
            /// When it may begin.
            not_before: Timestamp
        } => Conflict, "intent-not-due", "",
            "the next attempt may not begin before {not_before}", "wait until then";
        /// It may have been carried out.
        Uncertain {} => Conflict, "intent-uncertain", "",
            "the intent may have been carried out", "look it up; it is never sent again before that";
        /// It is certain.
        Certain {} => Conflict, "intent-certain", "",
            "nothing is uncertain about the intent", "look up only what is uncertain";
        /// It is under way.
        UnderWay {} => Conflict, "intent-under-way", "",
            "a request of the intent may be on its way", "wait for its outcome, then cancel what is left";
        /// A step out of turn.
        Step {
            /// Which.
            given: u32,
            /// Which was the last.
            last: u32
        } => Conflict, "intent-step", "/step",
            "step {given} comes after step {last}", "go on from the last step in the journal";
        /// Too many of something.
        TooMany {
            /// Which member.
            member: &'static str,
            /// How many fit.
            max: usize,
            /// How many there are.
            found: usize
        } => Invalid, "intent-too-many", "/{member}",
            "{found} {member} are too many for one event; {max} fit", "leave out the oldest";
    }
}

impl Aggregate for Intent {
    const CATEGORY: &'static str = "intent";
    type State = IntentState;
    type Command = IntentCommand;
    type Event = IntentEvent;
    type Error = IntentRefusal;

    fn decide(
        state: &IntentState,
        command: &IntentCommand,
        ctx: &DecideCtx,
    ) -> Result<Vec<IntentEvent>, IntentRefusal> {
        match (state, command) {
            (IntentState::Absent, IntentCommand::Request { integration, kind, ticket, number, payload }) => {
                let requested = IntentRequested {
                    integration: integration.clone(),
                    kind: *kind,
                    ticket: *ticket,
                    number: *number,
                    payload: Confidential::of(payload.clone()),
                };
                Ok(vec![requested.into()])
            }
            (IntentState::Absent, _) => Err(IntentRefusal::Unknown {}),
            (_, IntentCommand::Request { .. })
            | (IntentState::Succeeded, IntentCommand::Succeed { .. })
            | (IntentState::Cancelled { .. }, IntentCommand::Cancel { .. }) => Ok(Vec::new()),
            (IntentState::Succeeded | IntentState::Cancelled { .. }, _) => Err(IntentRefusal::Ended {}),
            // It is looked up already.
            (IntentState::Open(Work { phase: Phase::Uncertain { .. }, .. }), IntentCommand::Doubt { .. }) => {
                Ok(Vec::new())
            }
            (IntentState::Open(work), command) => change(work, command, ctx.now).map(|event| vec![event]),
        }
    }

    fn evolve(state: IntentState, event: &IntentEvent) -> IntentState {
        state.after(event)
    }
}

fn change(work: &Work, command: &IntentCommand, now: Timestamp) -> Result<IntentEvent, IntentRefusal> {
    if let (Phase::Parked { .. }, command) = (work.phase, command)
        && !matches!(command, IntentCommand::Replay | IntentCommand::Cancel { .. })
    {
        return Err(IntentRefusal::Parked {});
    }
    match command {
        IntentCommand::Request { .. } => Err(IntentRefusal::Ended {}),
        IntentCommand::Attempt { .. } => attempt(work, command, now),
        IntentCommand::Delay { reason, not_before, detail } => Ok(delay(work, *reason, *not_before, detail)),
        IntentCommand::Doubt { not_before, detail } => Ok(doubt(work, *not_before, detail)),
        IntentCommand::NotFound { not_before } => match work.phase {
            Phase::Uncertain { looked, .. } => {
                Ok(IntentAbsent { looked: looked.saturating_add(1), not_before: *not_before }.into())
            }
            _ => Err(IntentRefusal::Certain {}),
        },
        IntentCommand::Succeed { remote, receipts, seen, result } => {
            few("receipts", receipts.len(), limits::RECEIPTS_MAX)?;
            few("fields", seen.as_ref().map_or(0, |seen| seen.fields.len()), limits::FIELDS_MAX)?;
            let succeeded = IntentSucceeded {
                ticket: work.ticket,
                number: work.number,
                attempts: work.attempts,
                remote: remote.clone(),
                receipts: receipts.clone(),
                seen: seen.clone(),
                result: Confidential::of(result.clone()),
            };
            Ok(succeeded.into())
        }
        IntentCommand::Park { reason, conflicts, detail } => {
            few("conflicts", conflicts.len(), limits::FIELDS_MAX)?;
            let parked = IntentParked {
                reason: *reason,
                ticket: work.ticket,
                number: work.number,
                attempts: work.attempts,
                episode: work.episodes.saturating_add(1),
                conflicts: conflicts.clone(),
                detail: detail.clone().into(),
            };
            Ok(parked.into())
        }
        IntentCommand::Replay => match work.phase {
            Phase::Parked { .. } => Ok(IntentReplayed { episode: work.episodes }.into()),
            _ => Err(IntentRefusal::NotParked {}),
        },
        IntentCommand::Cancel { reason } => {
            let episode = match work.phase {
                Phase::Attempting(Sent { unsent: false, .. }) | Phase::Uncertain { .. } => {
                    return Err(IntentRefusal::UnderWay {});
                }
                Phase::Parked { .. } => Some(work.episodes),
                Phase::Due { .. } | Phase::Attempting(_) => None,
            };
            let (ticket, number) = (work.ticket, work.number);
            Ok(IntentCancelled { reason: *reason, ticket, number, episode }.into())
        }
    }
}

/// The one place that lets a request go.
fn attempt(work: &Work, command: &IntentCommand, now: Timestamp) -> Result<IntentEvent, IntentRefusal> {
    let IntentCommand::Attempt { step, purpose, repeat, unsent, sending } = command else {
        return Err(IntentRefusal::Unknown {});
    };
    let begins = match (work.phase, purpose) {
        (Phase::Parked { .. }, _) => return Err(IntentRefusal::Parked {}),
        (Phase::Uncertain { .. }, EffectPurpose::Perform) => return Err(IntentRefusal::Uncertain {}),
        (Phase::Due { .. } | Phase::Attempting(_), EffectPurpose::Lookup) => {
            return Err(IntentRefusal::Certain {});
        }
        (Phase::Due { not_before }, _) => {
            due(not_before, now)?;
            true
        }
        (Phase::Uncertain { not_before, looking: None, .. }, _) => {
            due(Some(not_before), now)?;
            true
        }
        (Phase::Attempting(last), _) | (Phase::Uncertain { looking: Some(last), .. }, _) => {
            goes_on(last, *step, *unsent)?;
            false
        }
    };
    let started = IntentAttemptStarted {
        attempt: if begins { work.attempts.saturating_add(1) } else { work.attempts },
        step: *step,
        purpose: *purpose,
        repeat: *repeat,
        unsent: *unsent,
        sending: Confidential::of(sending.clone()),
    };
    Ok(started.into())
}

fn due(not_before: Option<Timestamp>, now: Timestamp) -> Result<(), IntentRefusal> {
    match not_before {
        Some(not_before) if now < not_before => Err(IntentRefusal::NotDue { not_before }),
        _ => Ok(()),
    }
}

/// A later step follows from the answer to the one before. The same one again is a blind repetition, unless it is known
/// that the first was not carried out, or repeating it does no harm.
fn goes_on(last: Sent, step: u32, unsent: bool) -> Result<(), IntentRefusal> {
    if step > last.step {
        return Ok(());
    }
    if step < last.step {
        return Err(IntentRefusal::Step { given: step, last: last.step });
    }
    if unsent || last.unsent || last.repeat != RepeatRule::Once {
        return Ok(());
    }
    Err(IntentRefusal::Uncertain {})
}

fn delay(work: &Work, reason: FailureWord, not_before: Timestamp, detail: &Option<String>) -> IntentEvent {
    let spent = match reason {
        FailureWord::RateLimited => work.rate_waits >= limits::RATE_WAITS_MAX,
        _ => work.failures >= limits::FAILURES_MAX,
    };
    if spent {
        return park(work, reason, detail);
    }
    IntentDelayed { attempt: work.attempts, reason, not_before, detail: cut(detail) }.into()
}

fn doubt(work: &Work, not_before: Timestamp, detail: &Option<String>) -> IntentEvent {
    if work.doubts >= limits::DOUBTS_MAX {
        return park(work, FailureWord::Uncertain, detail);
    }
    IntentUncertain { attempt: work.attempts, not_before, detail: cut(detail) }.into()
}

fn park(work: &Work, reason: FailureWord, detail: &Option<String>) -> IntentEvent {
    let detail = detail.as_ref().map(|text| serde_json::json!({ "message": text }));
    IntentParked {
        reason,
        ticket: work.ticket,
        number: work.number,
        attempts: work.attempts,
        episode: work.episodes.saturating_add(1),
        conflicts: Vec::new(),
        detail: detail.into(),
    }
    .into()
}

/// What another system says is cut, not refused: its length is not the caller's fault.
fn cut(detail: &Option<String>) -> Confidential<String> {
    detail.as_ref().map(|text| text.chars().take(limits::DETAIL_CHARS_MAX).collect::<String>()).into()
}

fn few(member: &'static str, found: usize, max: usize) -> Result<(), IntentRefusal> {
    if found > max { Err(IntentRefusal::TooMany { member, max, found }) } else { Ok(()) }
}
