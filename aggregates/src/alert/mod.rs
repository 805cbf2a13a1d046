//! Alerts: what asks for attention.
//!
//! The id of an alert follows from what it is about, so that the same alarm is raised once however often it is noticed.

mod command;
mod decide;
mod event;
mod state;

pub use command::{AlertCommand, RaiseAlert};
pub use decide::{Alert, AlertRefusal};
pub use event::*;
pub use state::AlertState;

mod id;
#[cfg(test)]
mod tests;
