//! Reactors in a log. A rebuilt or newly added reactor must not act on what happened before it was wanted.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};

pub use event::*;

/// The aggregate of one reactor in one log; its stream is `reactor-<name>`.
#[derive(Debug)]
pub struct Reactor;

/// What may be asked of a reactor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReactorCommand {
    /// Let it act from here on.
    Activate,
    /// Let it act no more.
    Deactivate,
}

/// Does a reactor act?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReactorState {
    /// No.
    #[default]
    Inactive,
    /// Yes.
    Active,
}

crate::refusals! {
    /// Why a command to a reactor is refused.
    ReactorRefusal {
        /// It does not act.
        Inactive {} => Conflict, "reactor-inactive", "",
            "the reactor is not active", "activate it first";
    }
}

impl Aggregate for Reactor {
    const CATEGORY: &'static str = "reactor";
    type State = ReactorState;
    type Command = ReactorCommand;
    type Event = ReactorEvent;
    type Error = ReactorRefusal;

    fn decide(
        state: &ReactorState,
        command: &ReactorCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<ReactorEvent>, ReactorRefusal> {
        match (state, command) {
            (ReactorState::Inactive, ReactorCommand::Activate) => Ok(vec![ReactorActivated {}.into()]),
            (ReactorState::Active, ReactorCommand::Activate) => Ok(Vec::new()),
            (ReactorState::Active, ReactorCommand::Deactivate) => Ok(vec![ReactorDeactivated {}.into()]),
            (ReactorState::Inactive, ReactorCommand::Deactivate) => Err(ReactorRefusal::Inactive {}),
        }
    }

    fn evolve(_state: ReactorState, event: &ReactorEvent) -> ReactorState {
        match event {
            ReactorEvent::Activated(_) => ReactorState::Active,
            ReactorEvent::Deactivated(_) => ReactorState::Inactive,
        }
    }
}
