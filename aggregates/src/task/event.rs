//! What happens to a task.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::{Confidential, Personal};
use crate::tenant::Contact;
use crate::values::{
    CheckResult, ClaimSource, CloseReason, ConflictPolicy, ControlRef, EvidenceId, IntegrationId, Severity,
    TicketId,
};

events! {
    /// What happened to a task.
    "task" TaskEvent {
        /// Something is to be done: for a failure of a control, or because somebody says so.
        Opened(TaskOpened) = "ledger.task.opened.v1" {
            /// The control that it concerns.
            control: Option<ControlRef>,
            /// The number of the control's failure; absent: somebody opened the task.
            epoch: Option<u32>,
            /// The evidence that shows the failure.
            evidence: Option<EvidenceId>,
            /// How severe it is.
            severity: Severity,
            /// When it is due.
            due: Option<Timestamp>,
            /// One line.
            title: Confidential<String>,
            /// What is to be done.
            text: Confidential<String>,
        }
        /// A ticket in another system belongs to the task.
        TicketLinked(TaskTicketLinked) = "ledger.task.ticket_linked.v1" {
            /// The ticket.
            ticket: TicketId,
            /// Where it is.
            integration: IntegrationId,
            /// What happens to a field that both sides changed.
            conflict: ConflictPolicy,
            /// The control that the task concerns.
            control: Option<ControlRef>,
            /// The evidence that shows the failure.
            evidence: Option<EvidenceId>,
            /// How severe the task is.
            severity: Severity,
            /// When it is due.
            due: Option<Timestamp>,
            /// One line.
            title: Confidential<String>,
            /// What is to be done.
            text: Confidential<String>,
        }
        /// Somebody is to do it.
        Assigned(TaskAssigned) = "ledger.task.assigned.v1" {
            /// The tickets that are told, at most 16.
            tickets: Vec<TicketId>,
            /// Who.
            assignee: Personal<Contact>,
        }
        /// The task is described otherwise. What is absent stays.
        Changed(TaskChanged) = "ledger.task.changed.v1" {
            /// How severe it is now.
            severity: Option<Severity>,
            /// When it is due now.
            due: Option<Timestamp>,
            /// The ticket whose side changed it; absent: ours did.
            by: Option<TicketId>,
            /// The tickets that are told, at most 16.
            tickets: Vec<TicketId>,
            /// One line.
            title: Confidential<String>,
            /// What is to be done.
            text: Confidential<String>,
        }
        /// Somebody says that it is done. It is a claim: the task stays open until evidence shows it.
        RemediationClaimed(TaskRemediationClaimed) = "ledger.task.remediation_claimed.v1" {
            /// Who says so.
            by: ClaimSource,
            /// The ticket that says so.
            ticket: Option<TicketId>,
            /// What is said.
            note: Confidential<String>,
        }
        /// Somebody handed in, or linked, more evidence about the control while it fails.
        EvidenceAdded(TaskEvidenceAdded) = "ledger.task.evidence_added.v1" {
            /// The evidence.
            evidence: EvidenceId,
            /// What was found.
            result: CheckResult,
            /// How many pieces there are by now, beside the first.
            count: u32,
            /// The tickets that are told, at most 16.
            tickets: Vec<TicketId>,
        }
        /// The task is over.
        Closed(TaskClosed) = "ledger.task.closed.v1" {
            /// Why.
            reason: CloseReason,
            /// The evidence that shows it.
            evidence: Option<EvidenceId>,
            /// Until when the risk is accepted; absent: for good.
            until: Option<Timestamp>,
            /// The tickets that are told, at most 16.
            tickets: Vec<TicketId>,
            /// What is said about it.
            note: Confidential<String>,
        }
        /// The risk is accepted no longer.
        Reopened(TaskReopened) = "ledger.task.reopened.v1" {
            /// Until when it had been accepted.
            until: Timestamp,
            /// The tickets that are told, at most 16.
            tickets: Vec<TicketId>,
        }
    }
}
