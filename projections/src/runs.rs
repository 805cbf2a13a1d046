//! Runs of integrations, and how each integration stands with them: last success, last error, where the next begins.

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::run::RunEvent;
use ledger_aggregates::values::{FailureWord, IntegrationId, RunGap, RunId, RunKind, RunTrigger};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Runs. Newest first: order by `started_index`, descending.
    pub table RUN = "run" (growing);
    /// One run.
    pub row RunRow {
        key {
            /// Its id.
            run: Id as RunId,
        }
        /// `running`, `finished`, `inconclusive` or `failed`.
        state: Symbol as Text,
        /// Of which integration.
        integration: Text as IntegrationId,
        /// What it does.
        what: Symbol as RunKind,
        /// What started it.
        trigger: Symbol as RunTrigger,
        /// When it was due.
        due: Time as Option<Timestamp>,
        /// How many pages were read.
        pages: Int as u64,
        /// How many facts were found.
        facts: Int as u64,
        /// Why it failed.
        failure: Symbol as Option<FailureWord>,
        /// Why it read less than everything.
        gap: Symbol as Option<RunGap>,
        /// When it began.
        started_at: Time as Timestamp,
        /// Log index of that.
        started_index: Int as u64,
        /// When it ended.
        ended_at: Time as Option<Timestamp>,
        /// Log index of that, with what is disclosed.
        ended_index: Int as Option<u64>,
    }
    index [started_index];
    index [integration, started_index];
    index [state];
}

read_model! {
    /// How integrations stand with their runs.
    pub table SYNC = "sync" (resident);
    /// One kind of run of one integration.
    pub row SyncRow {
        key {
            /// Which integration.
            integration: Text as IntegrationId,
            /// What its runs do.
            what: Text as RunKind,
        }
        /// The last run.
        run: Id as RunId,
        /// How it stands: `running`, `finished`, `inconclusive` or `failed`.
        state: Symbol as Text,
        /// When the last run began.
        started_at: Time as Timestamp,
        /// When the last run was due, if it was scheduled.
        due: Time as Option<Timestamp>,
        /// When a run last read everything.
        finished_at: Time as Option<Timestamp>,
        /// Log index of the event that discloses where the next run begins.
        cursor_index: Int as Option<u64>,
        /// When a run last failed or was inconclusive.
        failed_at: Time as Option<Timestamp>,
        /// Why it failed.
        failure: Symbol as Option<FailureWord>,
        /// Log index of the event that discloses what was said.
        failed_index: Int as Option<u64>,
        /// Runs in a row that did not read everything.
        failures: Int as u64,
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "runs", version: 1, tables: &[&RUN, &SYNC] };

/// The projection.
#[derive(Debug)]
pub struct Runs;

impl Projection for Runs {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.run()? else { return Ok(()) };
        let run = aggregate_id(event, RunId::from_stream)?;
        let mut row = match fact {
            RunEvent::Started(e) => RunRow {
                run,
                state: "running".into(),
                integration: e.integration.clone(),
                what: e.what,
                trigger: e.trigger,
                due: e.due,
                pages: 0,
                facts: 0,
                failure: None,
                gap: None,
                started_at: event.time,
                started_index: event.index,
                ended_at: None,
                ended_index: None,
            },
            _ => rows
                .fetch::<RunRow>(&[run.to_cell()])?
                .ok_or_else(|| FoldError::poison(format!("run {run} was never started")))?,
        };
        let mut ends = |state: &'static str| {
            row.state = state.into();
            (row.ended_at, row.ended_index) = (Some(event.time), Some(event.index));
        };
        match fact {
            RunEvent::Started(_) => {}
            RunEvent::PageRead(e) => {
                row.pages = e.page.into();
                row.facts += u64::from(e.facts);
            }
            RunEvent::Finished(_) => ends("finished"),
            RunEvent::Inconclusive(e) => {
                ends("inconclusive");
                row.gap = Some(e.reason);
            }
            RunEvent::Failed(e) => {
                ends("failed");
                row.failure = Some(e.reason);
            }
        }
        if !matches!(fact, RunEvent::PageRead(_)) {
            sync(&row, event, fact, rows)?;
        }
        rows.store(&row);
        Ok(())
    }
}

fn sync(run: &RunRow, event: &LogEvent, fact: &RunEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
    let known = rows.fetch::<SyncRow>(&[run.integration.to_cell(), run.what.to_cell()])?;
    let mut row = known.unwrap_or_else(|| SyncRow {
        integration: run.integration.clone(),
        what: run.what,
        run: run.run,
        state: run.state.clone(),
        started_at: run.started_at,
        due: run.due,
        finished_at: None,
        cursor_index: None,
        failed_at: None,
        failure: None,
        failed_index: None,
        failures: 0,
    });
    if let RunEvent::Started(_) = fact {
        (row.run, row.started_at, row.due) = (run.run, run.started_at, run.due.or(row.due));
    }
    // An older run that ends late does not say how the latest stands.
    if row.run == run.run {
        row.state = run.state.clone();
    }
    match fact {
        RunEvent::Started(_) | RunEvent::PageRead(_) => {}
        RunEvent::Finished(_) => {
            (row.finished_at, row.cursor_index) = (Some(event.time), Some(event.index));
            (row.failures, row.failure) = (0, None);
        }
        RunEvent::Inconclusive(_) | RunEvent::Failed(_) => {
            (row.failed_at, row.failed_index) = (Some(event.time), Some(event.index));
            row.failure = run.failure;
            row.failures += 1;
        }
    }
    rows.store(&row);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{given, minute, tenant};

    #[test]
    fn a_run_that_is_not_whole_moves_no_cursor() {
        let on = |n: u8| format!("run-01900000-0000-5000-8000-0000000000{n:02x}");
        let started = || json!({ "integration": "jira-1", "what": "poll", "trigger": "schedule" });
        let (a, b) = (on(1), on(2));
        let mut events = vec![
            (&*a, "run.started", started()),
            (&*a, "run.page_read", json!({ "page": 1, "facts": 50 })),
            (&*a, "run.finished", json!({ "pages": 1, "facts": 50 })),
            (&*b, "run.started", started()),
            (&*b, "run.failed", json!({ "reason": "unauthenticated" })),
        ];
        let sync = given(&events).only::<SyncRow>(&tenant("t"));
        assert_eq!((&*sync.state, sync.cursor_index, sync.finished_at), ("failed", Some(2), Some(minute(2))));
        assert_eq!((sync.failures, sync.failure), (1, Some(FailureWord::Unauthenticated)));
        events.push((&*b, "run.started", started()));
        events.push((&*b, "run.finished", json!({ "pages": 0, "facts": 0 })));
        let sync = given(&events).only::<SyncRow>(&tenant("t"));
        assert_eq!((&*sync.state, sync.failures, sync.cursor_index), ("finished", 0, Some(6)));
        let runs = given(&events).all::<RunRow>(&tenant("t"));
        assert_eq!((runs[0].facts, &*runs[1].state), (50, "finished"));
    }
}
