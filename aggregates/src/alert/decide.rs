//! The rules of an alert.

use ledger::domain::{Aggregate, DecideCtx};

use super::{AlertAcknowledged, AlertCommand, AlertEvent, AlertRaised, AlertResolved, AlertState};
use crate::refusals;
use crate::values::AlertResolution;

/// The aggregate of one alert.
#[derive(Debug)]
pub struct Alert;

/// A note is a page, not a report.
const NOTE_CHARS_MAX: usize = 4_000;

refusals! {
    /// Why a command to an alert is refused.
    AlertRefusal {
        /// It was never raised.
        Unknown {} => NotFound, "alert-unknown", "",
            "there is no alert with this id", "check the id in the list of alerts";
        /// It is over.
        Resolved {} => Conflict, "alert-resolved", "",
            "the alert is resolved already", "look for a newer alert about the same subject";
        /// A note that is too long.
        Note {
            /// How many characters.
            found: usize
        } => Invalid, "alert-note", "/note",
            "the note has {found} characters; it takes at most 4,000", "shorten it";
    }
}

impl Aggregate for Alert {
    const CATEGORY: &'static str = "alert";
    type State = AlertState;
    type Command = AlertCommand;
    type Event = AlertEvent;
    type Error = AlertRefusal;

    fn decide(
        state: &AlertState,
        command: &AlertCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<AlertEvent>, AlertRefusal> {
        match (state, command) {
            (AlertState::Absent, AlertCommand::Raise(raise)) => {
                let raised = AlertRaised {
                    kind: raise.kind,
                    severity: raise.severity,
                    subject: raise.subject.clone(),
                    deadline: raise.deadline,
                    detail: raise.detail.clone().into(),
                };
                Ok(vec![raised.into()])
            }
            (_, AlertCommand::Raise(_)) => Ok(Vec::new()),
            (AlertState::Absent, AlertCommand::Acknowledge { .. }) => Err(AlertRefusal::Unknown {}),
            // A reactor may close what was never raised, when the alarm came from before its activation.
            (AlertState::Absent, AlertCommand::Resolve { reason: AlertResolution::Recovered, .. }) => {
                Ok(Vec::new())
            }
            (AlertState::Absent, AlertCommand::Resolve { .. }) => Err(AlertRefusal::Unknown {}),
            (AlertState::Resolved { .. }, AlertCommand::Acknowledge { .. }) => Err(AlertRefusal::Resolved {}),
            (AlertState::Resolved { .. }, AlertCommand::Resolve { .. })
            | (AlertState::Acknowledged, AlertCommand::Acknowledge { .. }) => Ok(Vec::new()),
            (AlertState::Raised, AlertCommand::Acknowledge { note }) => {
                check_note(note.as_deref())?;
                Ok(vec![AlertAcknowledged { note: note.clone().into() }.into()])
            }
            (AlertState::Raised | AlertState::Acknowledged, AlertCommand::Resolve { reason, note }) => {
                check_note(note.as_deref())?;
                Ok(vec![AlertResolved { reason: *reason, note: note.clone().into() }.into()])
            }
        }
    }

    fn evolve(state: AlertState, event: &AlertEvent) -> AlertState {
        state.after(event)
    }
}

fn check_note(note: Option<&str>) -> Result<(), AlertRefusal> {
    let found = note.map_or(0, |note| note.chars().count());
    if found > NOTE_CHARS_MAX { Err(AlertRefusal::Note { found }) } else { Ok(()) }
}
