//! Data subjects: holds and erasure.
//!
//! The erasure is decided and recorded here; destroying the key and the ciphertexts is the caller's. It notes first that it
//! will, so that an event without the deed is made good after a crash, and asks here before it destroys anything.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;

pub use event::*;

use crate::values::HashText;

/// The aggregate of one data subject.
#[derive(Debug)]
pub struct Subject;

/// Digests in one event: 512 of 43 characters stay below the 35,000 bytes of a header.
const DIGESTS_MAX: usize = 512;

/// What may be asked of a data subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectCommand {
    /// Forbid erasure for now.
    Hold {
        /// Until when; none: until it is released.
        until: Option<Timestamp>,
        /// Why.
        reason: String,
    },
    /// Allow erasure again.
    Release,
    /// Record that what stood under these digests cannot be read again.
    Erase {
        /// The digests.
        digests: Vec<HashText>,
    },
}

/// What is known about a data subject.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SubjectState {
    /// Its data may be erased.
    #[default]
    Free,
    /// Its data must not be erased.
    Held {
        /// Until when; none: until it is released.
        until: Option<Timestamp>,
    },
    /// Its data is erased.
    Erased,
}

crate::refusals! {
    /// Why a command to a data subject is refused.
    SubjectRefusal {
        /// A hold runs.
        Held {
            /// Until when, in words.
            until: String
        } => Conflict, "subject-held", "",
            "the subject's data is held {until} and must not be erased", "release the hold, or wait until it ends";
        /// It is erased.
        Erased {} => Gone, "subject-erased", "",
            "the subject's data is erased", "nothing is left to hold";
    }
}

impl Aggregate for Subject {
    const CATEGORY: &'static str = "subject";
    type State = SubjectState;
    type Command = SubjectCommand;
    type Event = SubjectEvent;
    type Error = SubjectRefusal;

    fn decide(
        state: &SubjectState,
        command: &SubjectCommand,
        ctx: &DecideCtx,
    ) -> Result<Vec<SubjectEvent>, SubjectRefusal> {
        let held = match state {
            SubjectState::Held { until } if until.is_none_or(|until| until > ctx.now) => Some(*until),
            _ => None,
        };
        match command {
            SubjectCommand::Hold { .. } if *state == SubjectState::Erased => Err(SubjectRefusal::Erased {}),
            SubjectCommand::Hold { until, reason } => {
                Ok(vec![SubjectHeld { until: *until, reason: Some(reason.clone()).into() }.into()])
            }
            SubjectCommand::Release if matches!(state, SubjectState::Held { .. }) => {
                Ok(vec![SubjectReleased {}.into()])
            }
            SubjectCommand::Release => Ok(Vec::new()),
            SubjectCommand::Erase { digests } => match held {
                Some(until) => {
                    let until =
                        until.map_or_else(|| "until it is released".to_owned(), |u| format!("until {u}"));
                    Err(SubjectRefusal::Held { until })
                }
                // More may be found later, for example in a restored backup: erasing again is recorded again.
                None if digests.is_empty() && *state == SubjectState::Erased => Ok(Vec::new()),
                None if digests.is_empty() => Ok(vec![SubjectErased { digests: Vec::new() }.into()]),
                None => Ok(digests
                    .chunks(DIGESTS_MAX)
                    .map(|c| SubjectErased { digests: c.to_vec() }.into())
                    .collect()),
            },
        }
    }

    fn evolve(state: SubjectState, event: &SubjectEvent) -> SubjectState {
        match event {
            SubjectEvent::Held(held) => SubjectState::Held { until: held.until },
            SubjectEvent::Released(_) if state != SubjectState::Erased => SubjectState::Free,
            SubjectEvent::Released(_) => state,
            SubjectEvent::Erased(_) => SubjectState::Erased,
        }
    }
}
