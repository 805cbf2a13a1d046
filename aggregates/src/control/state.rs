//! What is known about a control.

use std::collections::BTreeMap;

use ledger::time::Timestamp;

use super::{AppliedEvidence, ControlEvent, status};
use crate::values::{CheckId, CheckResult, ControlStatus, EvidenceId, SourceId, TargetRef};

/// Who says something, on the ground of which check, about what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceKey {
    /// Who.
    pub source: SourceId,
    /// Which check.
    pub check: CheckId,
    /// About what.
    pub target_ref: TargetRef,
}

impl From<&AppliedEvidence> for SourceKey {
    fn from(e: &AppliedEvidence) -> Self {
        Self { source: e.source.clone(), check: e.check.clone(), target_ref: e.target_ref.clone() }
    }
}

/// The latest that a source has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The end of the observation.
    pub observed_to: Timestamp,
    /// The evidence; it decides between observations that end together.
    pub evidence: EvidenceId,
    /// What was found.
    pub result: CheckResult,
    /// When the source will have missed its cadence.
    pub stale_after: Option<Timestamp>,
}

/// Does the control fail, through staleness and results that say nothing?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// It does not.
    Quiet {
        /// How many failures there have been.
        epochs: u32,
    },
    /// It does.
    Open {
        /// The number of this failure, counted from 1.
        epoch: u32,
    },
}

/// Has going stale been recorded?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Freshness {
    /// No.
    #[default]
    Fresh,
    /// Yes.
    Stale {
        /// The deadline that was missed.
        deadline: Timestamp,
    },
}

/// What is known about a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlState {
    pub(super) sources: BTreeMap<SourceKey, Held>,
    /// What was retracted, by source: neither it nor what is older counts when it turns up again.
    pub(super) retracted: BTreeMap<SourceKey, (Timestamp, EvidenceId)>,
    pub(super) status: ControlStatus,
    pub(super) observation: Observation,
    pub(super) freshness: Freshness,
}

impl Default for ControlState {
    fn default() -> Self {
        Self {
            sources: BTreeMap::new(),
            retracted: BTreeMap::new(),
            status: ControlStatus::Unknown,
            observation: Observation::Quiet { epochs: 0 },
            freshness: Freshness::Fresh,
        }
    }
}

impl ControlState {
    /// The recorded status.
    pub fn status(&self) -> ControlStatus {
        self.status
    }

    /// Every source with the latest that it said.
    pub fn sources(&self) -> impl Iterator<Item = (&SourceKey, &Held)> {
        self.sources.iter()
    }

    /// Is a failure open?
    pub fn observation(&self) -> Observation {
        self.observation
    }

    /// Has going stale been recorded?
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// The worst that any source says.
    pub fn worst(&self) -> Option<CheckResult> {
        status::worst(self.sources.values().map(|held| held.result))
    }

    /// When the first source will have missed its cadence.
    pub fn stale_after(&self) -> Option<Timestamp> {
        self.sources.values().filter_map(|held| held.stale_after).min()
    }

    /// Does this evidence say something newer than its source has said?
    pub(super) fn counts(&self, e: &AppliedEvidence) -> bool {
        let (key, place) = (SourceKey::from(e), (e.observed_to, e.evidence));
        self.sources.get(&key).is_none_or(|held| place > (held.observed_to, held.evidence))
            && self.retracted.get(&key).is_none_or(|retracted| place > *retracted)
    }

    /// Leaves out what a source says on the ground of this evidence.
    pub(super) fn retract(&mut self, evidence: EvidenceId) {
        // A piece of evidence has one source, so at most one place holds it.
        let found = self.sources.iter().find(|(_, held)| held.evidence == evidence);
        if let Some((key, held)) = found.map(|(key, held)| (key.clone(), *held)) {
            self.sources.remove(&key);
            self.retracted.insert(key, (held.observed_to, held.evidence));
        }
    }

    /// Takes what a source says in the place of what it said; gives both.
    pub(super) fn apply(&mut self, e: &AppliedEvidence) -> (Held, Option<Held>) {
        let held = Held {
            observed_to: e.observed_to,
            evidence: e.evidence,
            result: e.result,
            stale_after: e.stale_after,
        };
        (held, self.sources.insert(e.into(), held))
    }

    pub(super) fn after(mut self, event: &ControlEvent) -> Self {
        match event {
            ControlEvent::Assessed(e) => {
                for applied in &e.applied {
                    self.apply(applied);
                }
            }
            ControlEvent::EvidenceRetracted(e) => self.retract(e.evidence),
            ControlEvent::EvidenceLeftOut(_) => {}
            ControlEvent::StatusChanged(e) => self.status = e.to,
            ControlEvent::ObservationRaised(e) => self.observation = Observation::Open { epoch: e.epoch },
            ControlEvent::ObservationResolved(e) => self.observation = Observation::Quiet { epochs: e.epoch },
            ControlEvent::WentStale(e) => self.freshness = Freshness::Stale { deadline: e.deadline },
            ControlEvent::Refreshed(_) => self.freshness = Freshness::Fresh,
        }
        self
    }
}
