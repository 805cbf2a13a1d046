//! What may be asked of a probe.

use std::ops::RangeInclusive;

use ledger::time::Timestamp;

use crate::values::{ProbeKind, RetireReason, Version};

/// Heartbeats that say nothing new are recorded once in so many seconds: four cadences, but within these bounds.
pub const HEARTBEAT_PERIOD: RangeInclusive<u64> = 60..=3_600;

/// What may be asked of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeCommand {
    /// Let it report.
    Register(RegisterProbe),
    /// Note that it lives.
    Heartbeat(Heartbeat),
    /// Look at the clock. A probe that is within its deadline, or silent already, does not change.
    MarkSilent,
    /// Let it report no more.
    Retire {
        /// Why.
        reason: RetireReason,
    },
}

/// A probe to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterProbe {
    /// What it looks at.
    pub kind: ProbeKind,
    /// How often it reports, in seconds.
    pub cadence_seconds: u32,
    /// What people call it.
    pub name: Option<String>,
}

/// A sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How often the probe reports, in seconds.
    pub cadence_seconds: u32,
    /// The version of its program.
    pub version: Option<Version>,
    /// How many events wait at the probe.
    pub spool_events: u64,
    /// How many bytes wait at the probe.
    pub spool_bytes: u64,
}
