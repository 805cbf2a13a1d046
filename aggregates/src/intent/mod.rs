//! Intents: what is to be brought about in other systems, once each.
//!
//! ```text
//!            ┌──── delayed ◀───┐               ┌─ absent (first) ─┐
//!            ▼                 │               ▼                  │
//! requested ─▶ due ──▶ attempting ──▶ uncertain ──▶ looking ──────┤
//!            ▲                 │                                  ├─▶ succeeded
//!            └── absent (second, after the other side's lag) ◀────┘
//! ```
//!
//! From every state it can be parked, and replayed into the one before: an uncertain one comes back uncertain.
//!
//! Invariants:
//! - No request leaves before its `attempt_started` is durable.
//! - What must not be repeated is sent again only after two lookups have not found it.
//! - No attempt begins before its time. Failures, waits and doubts are bounded; then somebody is asked.
//!
//! The id of an intent follows from what asks for it, so that a reaction happens once.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{IntentCommand, limits};
pub use decide::{Intent, IntentRefusal};
pub use event::*;
pub use state::{IntentState, Phase, Sent, Work};
