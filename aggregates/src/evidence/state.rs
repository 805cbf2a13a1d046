//! What is known about a piece of evidence.

use ledger::time::Timestamp;

use super::EvidenceEvent;
use crate::values::{ControlRef, EvidenceId, ReviewVerdict};

/// What is known about a piece of evidence.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum EvidenceState {
    /// Nothing was handed in.
    #[default]
    Absent,
    /// It counts, unless a reviewer rejected it.
    Submitted {
        /// The controls that it bears on.
        controls: Vec<ControlRef>,
        /// What the last reviewer thinks.
        review: Option<ReviewVerdict>,
    },
    /// Other evidence took its place.
    Superseded {
        /// The other evidence.
        by: EvidenceId,
    },
    /// It is too old.
    Expired {
        /// Since when.
        expired_at: Timestamp,
    },
}

impl EvidenceState {
    pub(super) fn after(self, event: &EvidenceEvent) -> Self {
        match (self, event) {
            (_, EvidenceEvent::Submitted(e)) => {
                Self::Submitted { controls: e.controls.clone(), review: None }
            }
            (Self::Submitted { mut controls, review }, EvidenceEvent::Linked(e)) => {
                controls.extend(e.controls.iter().cloned());
                Self::Submitted { controls, review }
            }
            (Self::Submitted { controls, .. }, EvidenceEvent::Reviewed(e)) => {
                Self::Submitted { controls, review: Some(e.verdict) }
            }
            (_, EvidenceEvent::Superseded(e)) => Self::Superseded { by: e.by },
            (_, EvidenceEvent::Expired(e)) => Self::Expired { expired_at: e.expired_at },
            (state, EvidenceEvent::Linked(_) | EvidenceEvent::Reviewed(_)) => state,
        }
    }
}
