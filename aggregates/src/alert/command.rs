//! What may be asked of an alert.

use ledger::ids::StreamId;
use ledger::time::Timestamp;

use crate::values::{AlertKind, AlertResolution, Severity};

/// What may be asked of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertCommand {
    /// Ask for attention. An alert that was raised before does not change.
    Raise(RaiseAlert),
    /// Say that somebody takes care of it.
    Acknowledge {
        /// What they say.
        note: Option<String>,
    },
    /// Say that it is over. An alert that was never raised, or is over, does not change.
    Resolve {
        /// Why.
        reason: AlertResolution,
        /// What is said about it.
        note: Option<String>,
    },
}

/// An alert to be raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaiseAlert {
    /// What it is about.
    pub kind: AlertKind,
    /// How urgent it is.
    pub severity: Severity,
    /// The stream of what it is about.
    pub subject: StreamId,
    /// The deadline that was missed.
    pub deadline: Option<Timestamp>,
    /// What is known.
    pub detail: Option<String>,
}
