//! The rules of a control.

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;

use super::command::APPLY_MAX;
use super::state::SourceKey;
use super::tally::Tally;
use super::{
    AppliedEvidence, ControlAssessed, ControlCommand, ControlEvent, ControlEvidenceLeftOut,
    ControlEvidenceRetracted,
};
use super::{ControlObservationRaised, ControlObservationResolved, ControlRefreshed, ControlState};
use super::{ControlStatusChanged, ControlWentStale, Freshness, Observation, status};
use crate::refusals;
use crate::values::{CheckResult, ControlStatus, EvidenceId};

/// The aggregate of one control.
#[derive(Debug)]
pub struct Control;

/// Evidence in one event: 32 of the longest names stay below the 35,000 bytes of a header.
const APPLIED_MAX: usize = 32;
/// Sources of one control: more would make every decision slow; one check can report on many targets.
pub(super) const SOURCES_MAX: usize = 10_000;

refusals! {
    /// Why a command to a control is refused.
    ControlRefusal {
        /// A batch that is too large.
        TooMuchEvidence {
            /// How much.
            count: usize
        } => Invalid, "control-too-much-evidence", "",
            "{count} pieces of evidence are too many for one command; 256 fit", "split the batch";
    }
}

impl Aggregate for Control {
    const CATEGORY: &'static str = "control";
    type State = ControlState;
    type Command = ControlCommand;
    type Event = ControlEvent;
    type Error = ControlRefusal;

    fn decide(
        state: &ControlState,
        command: &ControlCommand,
        ctx: &DecideCtx,
    ) -> Result<Vec<ControlEvent>, ControlRefusal> {
        match command {
            ControlCommand::Apply { evidence } => apply(state, evidence, ctx.now),
            ControlCommand::Retract { evidence } => Ok(retract(state, *evidence, ctx.now)),
            ControlCommand::MarkStale => Ok(mark_stale(state, ctx.now)),
        }
    }

    fn evolve(state: ControlState, event: &ControlEvent) -> ControlState {
        state.after(event)
    }
}

/// Evidence is weighed one by one in the order of observation, so that a failure between two passes is not lost in a batch.
fn apply(
    state: &ControlState,
    evidence: &[AppliedEvidence],
    now: Timestamp,
) -> Result<Vec<ControlEvent>, ControlRefusal> {
    if evidence.len() > APPLY_MAX {
        return Err(ControlRefusal::TooMuchEvidence { count: evidence.len() });
    }
    let mut ordered: Vec<&AppliedEvidence> = evidence.iter().filter(|e| state.counts(e)).collect();
    if ordered.is_empty() {
        return Ok(Vec::new());
    }
    ordered.sort_by_key(|e| (e.observed_to, e.evidence));
    let mut decision = Decision::new(state, now);
    // A reactor cannot tell anyone that it was refused: what does not count is said in the log.
    let mut left_out = Vec::new();
    for e in ordered {
        if !decision.state.counts(e) {
            continue;
        }
        if decision.is_full_for(e) {
            left_out.push(e.evidence);
            continue;
        }
        decision.weigh(e);
        if decision.pending.len() == APPLIED_MAX || decision.is_unsettled() {
            decision.flush();
            decision.settle(Some(e.evidence));
        }
    }
    decision.flush();
    if !left_out.is_empty() {
        decision.record(ControlEvidenceLeftOut { evidence: left_out });
    }
    Ok(decision.events)
}

fn retract(state: &ControlState, evidence: EvidenceId, now: Timestamp) -> Vec<ControlEvent> {
    if state.sources.values().all(|held| held.evidence != evidence) {
        return Vec::new();
    }
    let mut decision = Decision::new(state, now);
    decision.state.retract(evidence);
    decision.tally = Tally::of(decision.state.sources.values());
    let retracted = ControlEvidenceRetracted {
        evidence,
        status: decision.status(),
        sources: count(decision.tally.sources()),
        failing: count(decision.tally.failing()),
        stale_after: decision.tally.stale_after(),
    };
    decision.events.push(retracted.into());
    decision.settle(None);
    decision.events
}

fn mark_stale(state: &ControlState, now: Timestamp) -> Vec<ControlEvent> {
    if state.freshness != Freshness::Fresh || !status::overdue(state.stale_after(), now) {
        return Vec::new();
    }
    let mut decision = Decision::new(state, now);
    decision.settle(None);
    decision.events
}

/// A decision in the making: the state as it will be, and the events that lead there.
struct Decision {
    state: ControlState,
    tally: Tally,
    now: Timestamp,
    pending: Vec<AppliedEvidence>,
    events: Vec<ControlEvent>,
}

impl Decision {
    fn new(state: &ControlState, now: Timestamp) -> Self {
        let tally = Tally::of(state.sources.values());
        Self { state: state.clone(), tally, now, pending: Vec::new(), events: Vec::new() }
    }

    fn is_full_for(&self, e: &AppliedEvidence) -> bool {
        self.state.sources.len() >= SOURCES_MAX && !self.state.sources.contains_key(&SourceKey::from(e))
    }

    fn weigh(&mut self, e: &AppliedEvidence) {
        let (held, before) = self.state.apply(e);
        if let Some(before) = before {
            self.tally.remove(&before);
        }
        self.tally.add(&held);
        self.pending.push(e.clone());
    }

    fn record(&mut self, event: impl Into<ControlEvent>) {
        let event = event.into();
        self.state = std::mem::take(&mut self.state).after(&event);
        self.events.push(event);
    }

    /// Writes down the evidence weighed so far.
    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let assessed = ControlAssessed {
            applied: std::mem::take(&mut self.pending),
            status: self.status(),
            sources: count(self.tally.sources()),
            failing: count(self.tally.failing()),
            stale_after: self.tally.stale_after(),
        };
        self.events.push(assessed.into());
    }

    fn status(&self) -> ControlStatus {
        status::status_at(self.tally.worst(), self.tally.stale_after(), self.now)
    }

    /// Does something follow from the evidence weighed so far?
    fn is_unsettled(&self) -> bool {
        self.status() != self.state.status
            || self.freshness() != self.state.freshness
            || self.observation() != self.state.observation
    }

    fn freshness(&self) -> Freshness {
        match (self.state.freshness, self.tally.stale_after()) {
            (_, deadline) if !status::overdue(deadline, self.now) => Freshness::Fresh,
            (Freshness::Fresh, Some(deadline)) => Freshness::Stale { deadline },
            (stale, _) => stale,
        }
    }

    fn observation(&self) -> Observation {
        match (self.state.observation, self.tally.worst()) {
            (Observation::Quiet { epochs }, Some(CheckResult::Fail)) => {
                Observation::Open { epoch: epochs + 1 }
            }
            (Observation::Open { epoch }, None) => Observation::Quiet { epochs: epoch },
            (Observation::Open { epoch }, Some(r)) if r.is_recovery() => Observation::Quiet { epochs: epoch },
            (unchanged, _) => unchanged,
        }
    }

    /// Writes down what follows: staleness, status, failure.
    fn settle(&mut self, evidence: Option<EvidenceId>) {
        match (self.state.freshness, self.freshness()) {
            (Freshness::Fresh, Freshness::Stale { deadline }) => {
                let last_result = self.tally.worst().unwrap_or(CheckResult::Inconclusive);
                let overdue = count(self.tally.overdue(self.now));
                self.record(ControlWentStale { deadline, last_result, overdue });
            }
            (Freshness::Stale { deadline }, Freshness::Fresh) => self.record(ControlRefreshed { deadline }),
            _ => {}
        }
        let (from, to) = (self.state.status, self.status());
        if from != to {
            self.record(ControlStatusChanged { from, to, evidence });
        }
        match (self.state.observation, self.observation(), evidence) {
            (Observation::Quiet { .. }, Observation::Open { epoch }, Some(evidence)) => {
                self.record(ControlObservationRaised { epoch, evidence });
            }
            (Observation::Open { epoch }, Observation::Quiet { .. }, evidence) => {
                self.record(ControlObservationResolved { epoch, evidence });
            }
            _ => {}
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
