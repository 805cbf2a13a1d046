//! What may be asked of a task.

use ledger::ids::SubjectId;
use ledger::time::Timestamp;

use crate::values::{
    CheckResult, ClaimSource, CloseReason, ConflictPolicy, ControlRef, EvidenceId, IntegrationId, Severity,
    TicketId,
};

/// What may be asked of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskCommand {
    /// Open it. A task of a control that there is does not change.
    Open(OpenTask),
    /// Let a ticket belong to it. Title and text are what the ticket is opened with: the state does not hold them.
    LinkTicket {
        /// The ticket: `TicketId::of` the task and the integration.
        ticket: TicketId,
        /// Where it is.
        integration: IntegrationId,
        /// What happens to a field that both sides changed.
        conflict: ConflictPolicy,
        /// One line.
        title: Option<String>,
        /// What is to be done.
        text: Option<String>,
    },
    /// Let somebody do it.
    Assign {
        /// The data subject that the person is.
        subject: SubjectId,
        /// Their name or address.
        assignee: String,
    },
    /// Describe it otherwise.
    Change(ChangeTask),
    /// Note more evidence about its control, each piece once. A task that is over or was never opened does not change,
    /// and neither does one that has [`limits::EVIDENCE_MAX`].
    AddEvidence {
        /// The evidence.
        evidence: EvidenceId,
        /// What was found.
        result: CheckResult,
    },
    /// Say that it is done.
    Claim {
        /// Who says so.
        by: ClaimSource,
        /// The ticket that says so.
        ticket: Option<TicketId>,
        /// What is said.
        note: Option<String>,
    },
    /// Let it be over. A task that is over, or was never opened, does not change where evidence closes it.
    Close {
        /// Why.
        reason: CloseReason,
        /// The evidence that shows it.
        evidence: Option<EvidenceId>,
        /// Until when the risk is accepted.
        until: Option<Timestamp>,
        /// What is said about it.
        note: Option<String>,
    },
    /// Look at the clock: has the time passed until which the risk was accepted?
    Reconsider,
}

/// A task to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenTask {
    /// The control that it concerns.
    pub control: Option<ControlRef>,
    /// The number of the control's failure; none: somebody opens it.
    pub epoch: Option<u32>,
    /// The evidence that shows the failure.
    pub evidence: Option<EvidenceId>,
    /// How severe it is.
    pub severity: Severity,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// One line.
    pub title: String,
    /// What is to be done.
    pub text: Option<String>,
}

/// What of a task is another now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChangeTask {
    /// How severe it is now.
    pub severity: Option<Severity>,
    /// When it is due now.
    pub due: Option<Timestamp>,
    /// One line.
    pub title: Option<String>,
    /// What is to be done.
    pub text: Option<String>,
    /// The ticket whose side changed it; none: ours did.
    pub by: Option<TicketId>,
}

/// The bounds of a task.
pub mod limits {
    /// A title is one line.
    pub const TITLE_CHARS_MAX: usize = 200;
    /// A text is some pages.
    pub const TEXT_CHARS_MAX: usize = 16_000;
    /// A note is a page.
    pub const NOTE_CHARS_MAX: usize = 4_000;
    /// Tickets of one task: one for each integration that is told of it.
    pub const TICKETS_MAX: usize = 16;
    /// Pieces of evidence that a task notes: each is a comment in its tickets.
    pub const EVIDENCE_MAX: usize = 50;
}
