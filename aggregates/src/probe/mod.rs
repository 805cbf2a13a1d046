//! Probes: what hands in evidence, and whether it lives.
//!
//! A heartbeat becomes an event only when it says something new or a period has passed: a fleet of probes must not fill the log.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{HEARTBEAT_PERIOD, Heartbeat, ProbeCommand, RegisterProbe};
pub use decide::{Probe, ProbeRefusal};
pub use event::*;
pub use state::{ProbeState, Signal};
