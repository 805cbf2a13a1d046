//! The tables of controls.

use ledger::read_model;
use ledger::readmodel::Text;
use ledger::time::Timestamp;
use ledger_aggregates::values::{
    CheckId, CheckResult, ControlId, ControlStatus, EvidenceId, FrameworkId, SourceId, TargetRef,
};

read_model! {
    /// Controls: catalogue and present state.
    pub table CONTROL = "control" (resident);
    /// One control.
    pub row ControlRow {
        key {
            /// The framework.
            framework: Text as FrameworkId,
            /// The control within it.
            control: Text as ControlId,
        }
        /// Does the catalogue have it? Evidence may outlive an edition.
        listed: Bool as bool,
        /// Its title.
        title: Text as Option<Text>,
        /// The control that it enhances.
        parent: Text as Option<ControlId>,
        /// The group that it stands in.
        group: Text as Option<ControlId>,
        /// How often evidence is expected, in seconds, where the framework says nothing else.
        cadence_seconds: Int as Option<u64>,
        /// Controls of other frameworks that ask for the same, `<framework>.<control>`, parted by spaces.
        maps_to: Text as Option<Text>,
        /// Log index of the event that discloses its statement and guidance.
        prose_index: Int as Option<u64>,
        /// The status that was recorded last. At a given time: [`super::status_at`].
        status: Symbol as ControlStatus,
        /// The worst that its sources say, whether fresh or not.
        worst: Symbol as Option<CheckResult>,
        /// When the first source will have missed its cadence.
        stale_after: Time as Option<Timestamp>,
        /// When it is to be marked stale; absent once it is, or if it never will be.
        due: Time as Option<Timestamp>,
        /// Since when it has this status.
        since: Time as Option<Timestamp>,
        /// How many sources there are.
        sources: Int as u64,
        /// How many of them say fail.
        failing: Int as u64,
        /// The evidence that changed the status last.
        evidence: Id as Option<EvidenceId>,
        /// The number of the failure that is open.
        failure: Int as Option<u64>,
        /// Log index of what happened to it last.
        changed_index: Int as Option<u64>,
    }
    index [framework, status];
    index [status];
    index [framework, stale_after];
    sparse index [due];
}

read_model! {
    /// What each source said last about each control.
    pub table CONTROL_SOURCE = "control_source" (resident);
    /// One source of one control.
    pub row ControlSourceRow {
        key {
            /// The framework.
            framework: Text as FrameworkId,
            /// The control within it.
            control: Text as ControlId,
            /// Who says so: a probe, or an actor.
            source: Text as SourceId,
            /// What was checked.
            check: Text as CheckId,
            /// What was looked at.
            target_ref: Text as TargetRef,
        }
        /// What it said.
        result: Symbol as CheckResult,
        /// The end of the observation.
        observed_to: Time as Timestamp,
        /// Behind this, it has missed its cadence.
        stale_after: Time as Option<Timestamp>,
        /// The evidence.
        evidence: Id as EvidenceId,
        /// Log index of the assessment.
        index: Int as u64,
    }
}

read_model! {
    /// Every piece of evidence that was weighed for a control, in the order of assessment. Ask by `framework` and
    /// `control`; newest first: order by key, descending.
    pub table CONTROL_EVIDENCE = "control_evidence" (growing);
    /// One piece of evidence for one control.
    pub row ControlEvidenceRow {
        key {
            /// Log index of the assessment times 64, plus the place in it: see [`ControlEvidenceRow::index`].
            place: Int as u64,
        }
        /// The framework.
        framework: Symbol as FrameworkId,
        /// The control within it.
        control: Symbol as ControlId,
        /// The evidence.
        evidence: Id as EvidenceId,
        /// Who says so.
        source: Symbol as SourceId,
        /// What was checked.
        check: Symbol as CheckId,
        /// What was looked at.
        target_ref: Text as TargetRef,
        /// What was found.
        result: Symbol as CheckResult,
        /// The end of the observation.
        observed_to: Time as Timestamp,
    }
    index [framework, control];
}

/// Places of one assessment; it holds at most 32 pieces of evidence.
pub(super) const PLACES: u64 = 64;

impl ControlEvidenceRow {
    /// Log index of the assessment.
    pub const fn index(&self) -> u64 {
        self.place / PLACES
    }
}

read_model! {
    /// What happened to controls: status changes, failures, staleness. Ask by `framework` and `control`; newest first:
    /// order by key, descending.
    pub table CONTROL_HISTORY = "control_history" (growing);
    /// One change of one control.
    pub row ControlHistoryRow {
        key {
            /// Log index of the event.
            index: Int as u64,
        }
        /// The framework.
        framework: Symbol as FrameworkId,
        /// The control within it.
        control: Symbol as ControlId,
        /// When it was decided.
        time: Time as Timestamp,
        /// `status_changed`, `observation_raised`, `observation_resolved`, `went_stale`, `refreshed`,
        /// `evidence_retracted` or `evidence_left_out`.
        change: Symbol as Text,
        /// The status before, where it changed.
        previous: Symbol as Option<ControlStatus>,
        /// The status after it.
        status: Symbol as ControlStatus,
        /// The evidence that led to it; absent: time did.
        evidence: Id as Option<EvidenceId>,
        /// The number of the failure that began or ended.
        failure: Int as Option<u64>,
        /// The deadline that was missed.
        deadline: Time as Option<Timestamp>,
    }
    index [framework, control];
}
