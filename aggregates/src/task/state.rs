//! What is known about a task.

use std::collections::{BTreeMap, BTreeSet};

use ledger::time::Timestamp;

use super::TaskEvent;
use crate::values::{CloseReason, ControlRef, EvidenceId, IntegrationId, Severity, TicketId};

/// What is known about a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TaskState {
    /// It was not opened.
    #[default]
    Absent,
    /// It is to be done.
    Open(Duty),
    /// It is over.
    Closed {
        /// What it was.
        duty: Duty,
        /// Why it is over.
        reason: CloseReason,
        /// Until when the risk is accepted.
        until: Option<Timestamp>,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The control that it concerns.
    pub control: Option<ControlRef>,
    /// The evidence that shows the failure.
    pub evidence: Option<EvidenceId>,
    /// How severe it is.
    pub severity: Severity,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// The tickets that belong to it.
    pub tickets: BTreeMap<TicketId, IntegrationId>,
    /// The evidence that came later.
    pub more_evidence: BTreeSet<EvidenceId>,
    /// Does somebody say that it is done?
    pub claimed: bool,
}

impl TaskState {
    pub(super) fn after(self, event: &TaskEvent) -> Self {
        match (self, event) {
            (_, TaskEvent::Opened(e)) => Self::Open(Duty {
                control: e.control.clone(),
                evidence: e.evidence,
                severity: e.severity,
                due: e.due,
                tickets: BTreeMap::new(),
                more_evidence: BTreeSet::new(),
                claimed: false,
            }),
            (Self::Open(duty) | Self::Closed { duty, .. }, TaskEvent::Closed(e)) => {
                Self::Closed { duty, reason: e.reason, until: e.until }
            }
            (Self::Closed { duty, .. }, TaskEvent::Reopened(_)) => Self::Open(duty),
            (Self::Open(duty), event) => Self::Open(duty.after(event)),
            (state, _) => state,
        }
    }
}

impl Duty {
    fn after(mut self, event: &TaskEvent) -> Self {
        match event {
            TaskEvent::TicketLinked(e) => {
                self.tickets.insert(e.ticket, e.integration.clone());
            }
            TaskEvent::Changed(e) => {
                self.severity = e.severity.unwrap_or(self.severity);
                self.due = e.due.or(self.due);
            }
            TaskEvent::EvidenceAdded(e) => {
                self.more_evidence.insert(e.evidence);
            }
            TaskEvent::RemediationClaimed(_) => self.claimed = true,
            TaskEvent::Opened(_) | TaskEvent::Assigned(_) | TaskEvent::Closed(_) | TaskEvent::Reopened(_) => {
            }
        }
        self
    }
}
