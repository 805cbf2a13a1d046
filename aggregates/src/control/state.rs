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
    pub(super) status: ControlStatus,
    pub(super) observation: Observation,
    pub(super) freshness: Freshness,
}

impl Default for ControlState {
    fn default() -> Self {
        Self {
            sources: BTreeMap::new(),
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
        let held = self.sources.get(&SourceKey::from(e));
        held.is_none_or(|held| (e.observed_to, e.evidence) > (held.observed_to, held.evidence))
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
            ControlEvent::EvidenceRetracted(e) => self.sources.retain(|_, held| held.evidence != e.evidence),
            ControlEvent::StatusChanged(e) => self.status = e.to,
            ControlEvent::ObservationRaised(e) => self.observation = Observation::Open { epoch: e.epoch },
            ControlEvent::ObservationResolved(e) => self.observation = Observation::Quiet { epochs: e.epoch },
            ControlEvent::WentStale(e) => self.freshness = Freshness::Stale { deadline: e.deadline },
            ControlEvent::Refreshed(_) => self.freshness = Freshness::Fresh,
        }
        self
    }
}
