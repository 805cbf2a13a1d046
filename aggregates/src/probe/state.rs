//! What is known about a probe.

use ledger::time::Timestamp;

use super::ProbeEvent;
use crate::values::Version;

/// What is known about a probe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProbeState {
    /// It is not registered.
    #[default]
    Absent,
    /// It is heard of.
    Live(Signal),
    /// It is not heard of.
    Silent {
        /// The deadline that it missed.
        deadline: Timestamp,
        /// What it said last.
        last: Signal,
    },
    /// It reports no more.
    Retired,
}

/// What a probe said last, as far as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// How often it reports, in seconds.
    pub cadence_seconds: u32,
    /// The version of its program.
    pub version: Option<Version>,
    /// Did anything wait at the probe?
    pub backlog: bool,
    /// When it will count as silent if nothing more is recorded.
    pub silent_after: Timestamp,
}

impl ProbeState {
    pub(super) fn after(self, event: &ProbeEvent) -> Self {
        match (self, event) {
            (_, ProbeEvent::Registered(e)) => Self::Live(Signal {
                cadence_seconds: e.cadence_seconds,
                version: None,
                backlog: false,
                silent_after: e.silent_after,
            }),
            (Self::Live(_) | Self::Silent { .. }, ProbeEvent::Heartbeat(e)) => Self::Live(Signal {
                cadence_seconds: e.cadence_seconds,
                version: e.version.clone(),
                backlog: e.spool_events > 0,
                silent_after: e.silent_after,
            }),
            (Self::Live(last), ProbeEvent::WentSilent(e)) => Self::Silent { deadline: e.deadline, last },
            (_, ProbeEvent::Retired(_)) => Self::Retired,
            (state, ProbeEvent::Heartbeat(_) | ProbeEvent::WentSilent(_) | ProbeEvent::CameBack(_)) => state,
        }
    }
}
