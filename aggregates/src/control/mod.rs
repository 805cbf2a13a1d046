//! Controls: what evidence says about them, and whether it is fresh.
//!
//! Each source (who, what was checked, what was looked at) counts with its latest observation; the worst of them is the result.
//! A source that misses its cadence makes the control stale, whatever the others say.
//! The state after a set of evidence does not depend on the order in which it arrives.

mod command;
mod decide;
mod event;
mod state;
pub mod status;
mod tally;
#[cfg(test)]
mod tests;

pub use command::{APPLY_MAX, ControlCommand};
pub use decide::{Control, ControlRefusal};
pub use event::*;
pub use state::{ControlState, Freshness, Held, Observation, SourceKey};
