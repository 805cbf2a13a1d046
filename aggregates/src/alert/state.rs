//! What is known about an alert.

use super::AlertEvent;
use crate::values::AlertResolution;

/// What is known about an alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AlertState {
    /// It was not raised.
    #[default]
    Absent,
    /// It asks for attention.
    Raised,
    /// Somebody takes care of it.
    Acknowledged,
    /// It is over.
    Resolved {
        /// Why.
        reason: AlertResolution,
    },
}

impl AlertState {
    pub(super) fn after(self, event: &AlertEvent) -> Self {
        match (self, event) {
            (_, AlertEvent::Raised(_)) => Self::Raised,
            (_, AlertEvent::Acknowledged(_)) => Self::Acknowledged,
            (_, AlertEvent::Resolved(e)) => Self::Resolved { reason: e.reason },
        }
    }
}
