//! Tasks: what is to be done, and how it ended.

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::task::TaskEvent;
use ledger_aggregates::values::{CloseReason, ControlId, EvidenceId, FrameworkId, Severity, TaskId};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Tasks. Newest first: order by `opened_index`, descending.
    pub table TASK = "task" (growing);
    /// One task.
    pub row TaskRow {
        key {
            /// Its id.
            task: Id as TaskId,
        }
        /// `open`, `claimed` (somebody says that it is done) or `closed`.
        state: Symbol as Text,
        /// The framework of the control that it concerns.
        framework: Text as Option<FrameworkId>,
        /// The control that it concerns.
        control: Text as Option<ControlId>,
        /// The number of the control's failure.
        epoch: Int as Option<u64>,
        /// The evidence that shows the failure.
        evidence: Id as Option<EvidenceId>,
        /// How severe it is.
        severity: Symbol as Severity,
        /// When it is due.
        due: Time as Option<Timestamp>,
        /// How many tickets belong to it.
        tickets: Int as u64,
        /// Why it is over.
        reason: Symbol as Option<CloseReason>,
        /// The evidence that closed it.
        closed_by: Id as Option<EvidenceId>,
        /// When it is to be looked at again, because the risk is accepted no longer.
        reconsider_at: Time as Option<Timestamp>,
        /// When it was opened.
        opened_at: Time as Timestamp,
        /// When it was closed.
        closed_at: Time as Option<Timestamp>,
        /// Log index of the event that opened it.
        opened_index: Int as u64,
        /// Log index of the event that discloses its title.
        title_index: Int as u64,
        /// Log index of the event that discloses who is to do it.
        assignee_index: Int as Option<u64>,
        /// When something happened to it last.
        changed_at: Time as Timestamp,
        /// Log index of that.
        changed_index: Int as u64,
    }
    index [opened_index];
    index [state, opened_index];
    index [framework, control];
    sparse index [reconsider_at];
}

static DEF: ProjectionDef = ProjectionDef { name: "tasks", version: 1, tables: &[&TASK] };

/// The projection.
#[derive(Debug)]
pub struct Tasks;

impl Projection for Tasks {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.task()? else { return Ok(()) };
        let task = aggregate_id(event, TaskId::from_stream)?;
        if let TaskEvent::Opened(opened) = fact {
            let control = opened.control.as_ref();
            rows.store(&TaskRow {
                task,
                state: "open".into(),
                framework: control.map(|control| control.framework.clone()),
                control: control.map(|control| control.control.clone()),
                epoch: opened.epoch.map(u64::from),
                evidence: opened.evidence,
                severity: opened.severity,
                due: opened.due,
                tickets: 0,
                reason: None,
                closed_by: None,
                reconsider_at: None,
                opened_at: event.time,
                closed_at: None,
                opened_index: event.index,
                title_index: event.index,
                assignee_index: None,
                changed_at: event.time,
                changed_index: event.index,
            });
            return Ok(());
        }
        let found = rows.amend(&[task.to_cell()], |row: &mut TaskRow| {
            row.changed_at = event.time;
            row.changed_index = event.index;
            change(row, event, fact);
        })?;
        if found { Ok(()) } else { Err(FoldError::poison(format!("task {task} was never opened"))) }
    }
}

fn change(row: &mut TaskRow, event: &LogEvent, fact: &TaskEvent) {
    match fact {
        TaskEvent::Opened(_) | TaskEvent::EvidenceAdded(_) => {}
        TaskEvent::TicketLinked(_) => row.tickets += 1,
        TaskEvent::Assigned(_) => row.assignee_index = Some(event.index),
        TaskEvent::Changed(changed) => {
            row.severity = changed.severity.unwrap_or(row.severity);
            row.due = changed.due.or(row.due);
            // A withheld title is not seen to be given: what changes no public member changes the title or the text.
            if (changed.severity, changed.due) == (None, None) {
                row.title_index = event.index;
            }
        }
        TaskEvent::RemediationClaimed(_) => row.state = "claimed".into(),
        TaskEvent::Closed(closed) => {
            row.state = "closed".into();
            row.reason = Some(closed.reason);
            row.closed_by = closed.evidence;
            row.reconsider_at = closed.until;
            row.closed_at = Some(event.time);
        }
        TaskEvent::Reopened(_) => {
            row.state = "open".into();
            (row.reason, row.closed_by, row.reconsider_at, row.closed_at) = (None, None, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{at, given, minute, tenant};

    const ON: &str = "task-01900000-0000-5000-8000-000000000001";

    #[test]
    fn a_task_is_open_claimed_closed_and_looked_at_again() {
        let opened = json!({ "control": { "framework": "nist", "control": "ac-2" }, "epoch": 1,
            "evidence": "01900000-0000-7000-8000-000000000001", "severity": "critical" });
        let linked = json!({ "ticket": "01900000-0000-5000-8000-000000000002", "integration": "jira-1",
            "conflict": "hold", "severity": "critical" });
        let mut events = vec![(ON, "task.opened", opened), (ON, "task.ticket_linked", linked)];
        let row = given(&events).only::<TaskRow>(&tenant("t"));
        assert_eq!((&*row.state, row.tickets, row.title_index, row.opened_at), ("open", 1, 0, minute(0)));
        events.push((ON, "task.remediation_claimed", json!({ "by": "ticket" })));
        assert_eq!(given(&events).only::<TaskRow>(&tenant("t")).state, "claimed");
        events.push((ON, "task.changed", json!({ "severity": "warning", "tickets": [] })));
        events.push((
            ON,
            "task.closed",
            json!({ "reason": "accepted_risk", "until": "2026-06-01T00:00:00.000000Z", "tickets": [] }),
        ));
        let row = given(&events).only::<TaskRow>(&tenant("t"));
        assert_eq!((row.severity, row.reconsider_at), (Severity::Warning, Some(at("2026-06-01"))));
        assert_eq!((&*row.state, row.closed_at), ("closed", Some(minute(4))));
        events.push((ON, "task.reopened", json!({ "until": "2026-06-01T00:00:00.000000Z", "tickets": [] })));
        let row = given(&events).only::<TaskRow>(&tenant("t"));
        assert_eq!((&*row.state, row.reconsider_at, row.reason), ("open", None, None));
    }
}
