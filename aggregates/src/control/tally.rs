//! What all sources of a control say together, kept up to date source by source.
//!
//! A batch weighs up to 256 pieces of evidence, each followed by the question for the status:
//! going through thousands of sources each time would cost more than writing the events down.

use std::collections::BTreeMap;

use ledger::time::Timestamp;

use super::{Held, status};
use crate::values::CheckResult;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    results: [usize; 5],
    deadlines: BTreeMap<Timestamp, usize>,
}

impl Tally {
    pub(super) fn of<'a>(held: impl IntoIterator<Item = &'a Held>) -> Self {
        let mut tally = Self::default();
        held.into_iter().for_each(|held| tally.add(held));
        tally
    }

    pub(super) fn add(&mut self, held: &Held) {
        self.results[usize::from(held.result.weight())] += 1;
        if let Some(deadline) = held.stale_after {
            *self.deadlines.entry(deadline).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, held: &Held) {
        self.results[usize::from(held.result.weight())] -= 1;
        let Some(deadline) = held.stale_after else { return };
        if let Some(count) = self.deadlines.get_mut(&deadline) {
            *count -= 1;
            if *count == 0 {
                self.deadlines.remove(&deadline);
            }
        }
    }

    pub(super) fn sources(&self) -> usize {
        self.results.iter().sum()
    }

    pub(super) fn failing(&self) -> usize {
        self.results[usize::from(CheckResult::Fail.weight())]
    }

    pub(super) fn worst(&self) -> Option<CheckResult> {
        let there = |(_, result): &&(&str, CheckResult)| self.results[usize::from(result.weight())] > 0;
        status::worst(CheckResult::ALL.iter().filter(there).map(|(_, result)| *result))
    }

    pub(super) fn stale_after(&self) -> Option<Timestamp> {
        self.deadlines.keys().next().copied()
    }

    pub(super) fn overdue(&self, now: Timestamp) -> usize {
        self.deadlines.range(..now).map(|(_, count)| count).sum()
    }
}
