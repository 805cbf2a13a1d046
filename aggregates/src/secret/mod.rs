//! Secrets of connections: that there is one, and since when. Their bytes are sealed outside the log.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};

pub use event::*;

/// The aggregate of one secret.
#[derive(Debug)]
pub struct Secret;

/// What may be asked of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretCommand {
    /// Note that a new one is kept. Its bytes are durable before.
    Store,
    /// Note that it is kept no more.
    Delete,
}

/// What is known about a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SecretState {
    /// There was never one.
    #[default]
    Absent,
    /// It is kept.
    Stored {
        /// Its number.
        version: u32,
    },
    /// It is kept no more.
    Deleted {
        /// The number of the last one.
        version: u32,
    },
}

crate::refusals! {
    /// Why a command to a secret is refused.
    SecretRefusal {
        /// There was never one.
        Unknown {} => NotFound, "secret-unknown", "",
            "there is no secret with this name", "check the name in the list of secrets";
    }
}

impl Aggregate for Secret {
    const CATEGORY: &'static str = "secret";
    type State = SecretState;
    type Command = SecretCommand;
    type Event = SecretEvent;
    type Error = SecretRefusal;

    fn decide(
        state: &SecretState,
        command: &SecretCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<SecretEvent>, SecretRefusal> {
        let last = match *state {
            SecretState::Absent => 0,
            SecretState::Stored { version } | SecretState::Deleted { version } => version,
        };
        match (state, command) {
            (_, SecretCommand::Store) => Ok(vec![SecretStored { version: last.saturating_add(1) }.into()]),
            (SecretState::Stored { version }, SecretCommand::Delete) => {
                Ok(vec![SecretDeleted { version: *version }.into()])
            }
            (SecretState::Deleted { .. }, SecretCommand::Delete) => Ok(Vec::new()),
            (SecretState::Absent, SecretCommand::Delete) => Err(SecretRefusal::Unknown {}),
        }
    }

    fn evolve(_state: SecretState, event: &SecretEvent) -> SecretState {
        match event {
            SecretEvent::Stored(e) => SecretState::Stored { version: e.version },
            SecretEvent::Deleted(e) => SecretState::Deleted { version: e.version },
        }
    }
}
