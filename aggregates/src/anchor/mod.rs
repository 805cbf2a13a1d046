//! Anchors of all tenants' checkpoints. One stream, `anchor-tenants`, in the log of the system.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::ids::StreamId;

pub use event::*;

use crate::values::HashBase64;

/// The aggregate of the anchors.
#[derive(Debug)]
pub struct Anchor;

/// Anchor the tenants' latest checkpoints. The same root again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorCommand {
    /// The root of the tree over the checkpoints in the order of slots.
    pub root: HashBase64,
    /// How many slots it has.
    pub slots: u32,
}

/// The last anchored root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnchorState {
    /// The root, if there is one.
    pub root: Option<HashBase64>,
    /// How many slots it has.
    pub slots: u32,
}

crate::refusals! {
    /// Why an anchor is refused.
    AnchorRefusal {
        /// Slots are permanent.
        FewerSlots {
            /// How many there were.
            before: u32,
            /// How many there would be.
            now: u32
        } => Conflict, "anchor-fewer-slots", "",
            "an anchor over {now} slots follows one over {before}", "rebuild the list of tenants: slots are never given back";
    }
}

impl Anchor {
    /// The stream of the anchors.
    pub fn stream() -> StreamId {
        StreamId::of(Self::CATEGORY, "tenants").expect("a constant that follows the rule")
    }
}

impl Aggregate for Anchor {
    const CATEGORY: &'static str = "anchor";
    type State = AnchorState;
    type Command = AnchorCommand;
    type Event = AnchorEvent;
    type Error = AnchorRefusal;

    fn decide(
        state: &AnchorState,
        command: &AnchorCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<AnchorEvent>, AnchorRefusal> {
        if command.slots < state.slots {
            return Err(AnchorRefusal::FewerSlots { before: state.slots, now: command.slots });
        }
        if state.root.as_ref() == Some(&command.root) {
            return Ok(Vec::new());
        }
        Ok(vec![Anchored { root: command.root.clone(), slots: command.slots }.into()])
    }

    fn evolve(_state: AnchorState, event: &AnchorEvent) -> AnchorState {
        let AnchorEvent::Anchored(anchored) = event;
        AnchorState { root: Some(anchored.root.clone()), slots: anchored.slots }
    }
}
