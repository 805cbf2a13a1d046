//! What happens to a control as evidence arrives and ages.

use ledger::time::Timestamp;

use crate::values::{CheckId, CheckResult, ControlStatus, EvidenceId, SourceId, TargetRef};
use crate::{events, public_object};

events! {
    /// What happened to a control.
    "control" ControlEvent {
        /// Evidence was weighed. What is older than what its source said already is left out.
        Assessed(ControlAssessed) = "ledger.control.assessed.v1" {
            /// The evidence that counts from here on, at most 32.
            applied: Vec<AppliedEvidence>,
            /// The status after it.
            status: ControlStatus,
            /// How many sources there are.
            sources: u32,
            /// How many of them say fail.
            failing: u32,
            /// When the first source will have missed its cadence.
            stale_after: Option<Timestamp>,
        }
        /// Evidence no longer counts, nor does anything that its source said before.
        EvidenceRetracted(ControlEvidenceRetracted) = "ledger.control.evidence_retracted.v1" {
            /// The evidence.
            evidence: EvidenceId,
            /// The status after it.
            status: ControlStatus,
            /// How many sources are left.
            sources: u32,
            /// How many of them say fail.
            failing: u32,
            /// When the first source will have missed its cadence.
            stale_after: Option<Timestamp>,
        }
        /// Evidence of further sources does not count: the control has as many as it can have.
        EvidenceLeftOut(ControlEvidenceLeftOut) = "ledger.control.evidence_left_out.v1" {
            /// The evidence, at most 256.
            evidence: Vec<EvidenceId>,
        }
        /// The status is another one.
        StatusChanged(ControlStatusChanged) = "ledger.control.status_changed.v1" {
            /// What it was.
            from: ControlStatus,
            /// What it is.
            to: ControlStatus,
            /// The evidence that changed it; absent if time did.
            evidence: Option<EvidenceId>,
        }
        /// A failure began. It lasts until the control recovers, through other results and staleness.
        ObservationRaised(ControlObservationRaised) = "ledger.control.observation_raised.v1" {
            /// The number of the failure, counted from 1.
            epoch: u32,
            /// The evidence that shows it.
            evidence: EvidenceId,
        }
        /// A failure ended: the control passes or does not apply.
        ObservationResolved(ControlObservationResolved) = "ledger.control.observation_resolved.v1" {
            /// The number of the failure.
            epoch: u32,
            /// The evidence that shows the recovery; absent if the failing evidence was retracted.
            evidence: Option<EvidenceId>,
        }
        /// A source missed its cadence.
        WentStale(ControlWentStale) = "ledger.control.went_stale.v1" {
            /// When it should have been heard of at the latest.
            deadline: Timestamp,
            /// What all sources together said last.
            last_result: CheckResult,
            /// How many sources are overdue.
            overdue: u32,
        }
        /// Every source is within its cadence again.
        Refreshed(ControlRefreshed) = "ledger.control.refreshed.v1" {
            /// The deadline that had been missed.
            deadline: Timestamp,
        }
    }
}

public_object! {
    /// What one piece of evidence says about a control.
    AppliedEvidence {
        /// The evidence.
        evidence: EvidenceId,
        /// Who says so.
        source: SourceId,
        /// What was checked.
        check: CheckId,
        /// What was looked at.
        target_ref: TargetRef,
        /// What was found.
        result: CheckResult,
        /// The end of the observation: later outweighs earlier.
        observed_to: Timestamp,
        /// When the source will have missed its cadence.
        stale_after: Option<Timestamp>,
    }
}
