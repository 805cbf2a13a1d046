//! What is known about a piece of evidence.

use ledger::time::Timestamp;

use super::{EvidenceEvent, EvidenceSubmitted};
use crate::values::{CheckId, CheckResult, ControlRef, EvidenceId, ProbeId, ReviewVerdict, TargetRef};

/// What is known about a piece of evidence.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum EvidenceState {
    /// Nothing was handed in.
    #[default]
    Absent,
    /// It counts.
    Submitted(Box<Submission>),
    /// A reviewer rejected it; that is final.
    Rejected,
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

/// What a piece of evidence that counts says.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// The controls that it bears on.
    pub controls: Vec<ControlRef>,
    /// What was checked.
    pub check: CheckId,
    /// The probe that checked.
    pub probe: Option<ProbeId>,
    /// What was looked at.
    pub target_ref: TargetRef,
    /// The result that counts.
    pub result: CheckResult,
    /// When the observation ended.
    pub observed_to: Timestamp,
    /// When the next is expected at the latest, in seconds.
    pub cadence_seconds: Option<u32>,
    /// Did a reviewer accept it?
    pub accepted: bool,
}

impl From<&EvidenceSubmitted> for Submission {
    fn from(e: &EvidenceSubmitted) -> Self {
        Self {
            controls: e.controls.clone(),
            check: e.check.clone(),
            probe: e.probe.clone(),
            target_ref: e.target_ref.clone(),
            result: e.result,
            observed_to: e.observed_to,
            cadence_seconds: e.cadence_seconds,
            accepted: false,
        }
    }
}

impl EvidenceState {
    pub(super) fn after(self, event: &EvidenceEvent) -> Self {
        match (self, event) {
            (_, EvidenceEvent::Submitted(e)) => Self::Submitted(Box::new(e.into())),
            (Self::Submitted(mut submission), EvidenceEvent::Linked(e)) => {
                submission.controls.extend(e.controls.iter().cloned());
                Self::Submitted(submission)
            }
            (Self::Submitted(mut submission), EvidenceEvent::Reviewed(e)) => match e.verdict {
                ReviewVerdict::Rejected => Self::Rejected,
                ReviewVerdict::Accepted => {
                    submission.accepted = true;
                    Self::Submitted(submission)
                }
            },
            (_, EvidenceEvent::Superseded(e)) => Self::Superseded { by: e.by },
            (_, EvidenceEvent::Expired(e)) => Self::Expired { expired_at: e.expired_at },
            (state, EvidenceEvent::Linked(_) | EvidenceEvent::Reviewed(_)) => state,
        }
    }
}
