//! Runs of integrations: polls, health checks and reconciliations. A run that is not whole says so and moves no cursor.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};
use ledger::time::Timestamp;
use serde_json::Value;

pub use event::*;

use crate::values::{FailureWord, IntegrationId, RunGap, RunKind, RunTrigger};

/// The aggregate of one run.
#[derive(Debug)]
pub struct Run;

/// What another system says about an error, cut to a page.
const DETAIL_CHARS_MAX: usize = 4_000;

/// What may be asked of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunCommand {
    /// Begin. A run that has begun does not change, so that two workers start it once.
    Start {
        /// Of which integration.
        integration: IntegrationId,
        /// What it does.
        what: RunKind,
        /// What starts it.
        trigger: RunTrigger,
        /// When it was due.
        due: Option<Timestamp>,
    },
    /// Note a page whose facts are recorded. A page that was noted before does not change.
    ReadPage {
        /// Which, counted from 1.
        page: u32,
        /// How many facts it held.
        facts: u32,
    },
    /// Note that everything was read.
    Finish {
        /// Where the next run begins.
        cursor: Option<Value>,
        /// What was found.
        detail: Option<Value>,
    },
    /// Note that less than everything was read.
    BreakOff {
        /// Why.
        reason: RunGap,
        /// What is known.
        detail: Option<String>,
    },
    /// Note that it could not be done.
    Fail {
        /// Why.
        reason: FailureWord,
        /// What was said.
        detail: Option<String>,
    },
}

/// What is known about a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunState {
    /// It did not begin.
    #[default]
    Absent,
    /// It is under way.
    Running {
        /// The pages so far.
        pages: u32,
        /// The facts so far.
        facts: u32,
    },
    /// It is over.
    Ended,
}

crate::refusals! {
    /// Why a command to a run is refused.
    RunRefusal {
        /// It did not begin.
        Unknown {} => NotFound, "run-unknown", "",
            "there is no run with this id", "start it first, or check the id";
        /// It is over.
        Ended {} => Conflict, "run-ended", "",
            "the run is over", "start another";
        /// A page out of turn.
        Page {
            /// Which.
            given: u32,
            /// Which is next.
            next: u32
        } => Conflict, "run-page", "/page",
            "page {given} is out of turn: {next} is next", "note the pages in the order in which they are read";
    }
}

impl Aggregate for Run {
    const CATEGORY: &'static str = "run";
    type State = RunState;
    type Command = RunCommand;
    type Event = RunEvent;
    type Error = RunRefusal;

    fn decide(state: &RunState, command: &RunCommand, _ctx: &DecideCtx) -> Result<Vec<RunEvent>, RunRefusal> {
        let (pages, facts) = match (state, command) {
            (RunState::Absent, RunCommand::Start { integration, what, trigger, due }) => {
                let (integration, due) = (integration.clone(), *due);
                return Ok(vec![RunStarted { integration, what: *what, trigger: *trigger, due }.into()]);
            }
            (RunState::Absent, _) => return Err(RunRefusal::Unknown {}),
            (_, RunCommand::Start { .. }) => return Ok(Vec::new()),
            (RunState::Ended, _) => return Err(RunRefusal::Ended {}),
            (RunState::Running { pages, facts }, _) => (*pages, *facts),
        };
        let cut = |text: &Option<String>| {
            text.as_ref().map(|text| text.chars().take(DETAIL_CHARS_MAX).collect::<String>()).into()
        };
        let event: RunEvent = match command {
            RunCommand::Start { .. } => return Ok(Vec::new()),
            RunCommand::ReadPage { page, .. } if *page <= pages => return Ok(Vec::new()),
            RunCommand::ReadPage { page, .. } if *page != pages + 1 => {
                return Err(RunRefusal::Page { given: *page, next: pages + 1 });
            }
            RunCommand::ReadPage { page, facts } => RunPageRead { page: *page, facts: *facts }.into(),
            RunCommand::Finish { cursor, detail } => {
                RunFinished { pages, facts, cursor: cursor.clone().into(), detail: detail.clone().into() }
                    .into()
            }
            RunCommand::BreakOff { reason, detail } => {
                RunInconclusive { reason: *reason, facts, detail: cut(detail) }.into()
            }
            RunCommand::Fail { reason, detail } => RunFailed { reason: *reason, detail: cut(detail) }.into(),
        };
        Ok(vec![event])
    }

    fn evolve(state: RunState, event: &RunEvent) -> RunState {
        match (state, event) {
            (_, RunEvent::Started(_)) => RunState::Running { pages: 0, facts: 0 },
            (RunState::Running { facts, .. }, RunEvent::PageRead(e)) => {
                RunState::Running { pages: e.page, facts: facts.saturating_add(e.facts) }
            }
            (state, RunEvent::PageRead(_)) => state,
            (_, RunEvent::Finished(_) | RunEvent::Inconclusive(_) | RunEvent::Failed(_)) => RunState::Ended,
        }
    }
}
