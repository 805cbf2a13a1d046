//! What may be asked of a ticket.

use ledger::time::Timestamp;
use serde_json::{Map, Value};

use super::{SeenField, SeenState};
use crate::values::{
    ConflictChoice, ConflictPolicy, ControlRef, EffectKind, EvidenceId, FailureWord, FieldName,
    IntegrationId, Severity, TaskId, TicketStatus, ValueMac,
};

/// What may be asked of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub enum TicketCommand {
    /// Open it and keep it in step. A ticket that was asked for does not change.
    Request(Box<RequestTicket>),
    /// Our side wants other values. What is as it wants already changes nothing.
    Want {
        /// The fields.
        fields: Vec<SeenField>,
        /// Their values, by field.
        values: Map<String, Value>,
        /// The status.
        status: Option<TicketStatus>,
        /// What is said with the status.
        note: Option<String>,
        /// The place of the task's event that it follows from. What is at or before a place that was heard changes
        /// nothing, however often it comes.
        heard: Option<u64>,
        /// Does it only repeat what this ticket's other side did? Then it does not overwrite what came since.
        echo: bool,
    },
    /// Our side wants something said, or a file attached. A comment about evidence takes the place of one that still
    /// waits.
    Note {
        /// `Comment` or `Attach`.
        kind: EffectKind,
        /// The evidence that it is about.
        evidence: Option<EvidenceId>,
        /// What is said (a protocol `Document`), or which blob (a protocol `BlobRef`).
        content: Value,
    },
    /// Our side wants to say who is to do it, in place of what still waits to say so.
    NoteAssignee {
        /// What is said (a protocol `Document`).
        content: Value,
    },
    /// What had been closed is to be done again. A ticket that was given up stays so.
    Reopen {
        /// What is said with it.
        note: String,
        /// The place of the task's event that it follows from.
        heard: u64,
    },
    /// What was sent is carried out.
    Settle {
        /// The number of the sending.
        number: u32,
        /// The ticket, where it is new: the MAC of its permanent id, and its reference.
        remote: Option<(ValueMac, Option<Value>)>,
        /// The MACs of the marks of our writes.
        receipts: Vec<ValueMac>,
        /// The ticket as it was read back.
        seen: Option<SeenState>,
        /// The values read back, by field.
        values: Map<String, Value>,
    },
    /// What was sent waits for somebody, or conflicts with what the other side did.
    Hold {
        /// The number of the sending.
        number: u32,
        /// Why.
        reason: FailureWord,
        /// The fields that both sides changed, with their values there.
        conflicts: Vec<SeenField>,
        /// These values in clear, by field.
        values: Map<String, Value>,
    },
    /// What was sent is not carried out any more.
    Abandon {
        /// The number of the sending.
        number: u32,
    },
    /// The ticket was read.
    Observe(Box<Observation>),
    /// Somebody said something in it.
    Comment {
        /// The MAC of the comment's mark.
        comment: ValueMac,
        /// When, by the other side's clock.
        at: Option<Timestamp>,
        /// What.
        text: String,
        /// Who.
        who: Option<String>,
    },
    /// Decide a conflict.
    Resolve {
        /// The field.
        field: FieldName,
        /// How: `Ours` or `Theirs`.
        choice: ConflictChoice,
        /// Why.
        note: Option<String>,
    },
    /// The ticket was not found.
    Miss,
    /// It is gone for good: the connection works and it is still not found, or somebody knows.
    ConfirmGone,
    /// Let another ticket at the other side take its place.
    Relink {
        /// The MAC of its permanent id.
        remote_mac: ValueMac,
        /// Its reference, in the words of the adapter protocol.
        remote: Value,
    },
    /// Make it again.
    Recreate,
    /// Want no other for one that is gone, or give up one that was never opened.
    Waive,
}

/// A ticket to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestTicket {
    /// The task that it serves.
    pub task: TaskId,
    /// Where it is to be.
    pub integration: IntegrationId,
    /// What happens to a field that both sides changed.
    pub conflict: ConflictPolicy,
    /// The control that the task concerns.
    pub control: Option<ControlRef>,
    /// The evidence that shows the failure.
    pub evidence: Option<EvidenceId>,
    /// How severe it is.
    pub severity: Severity,
    /// When it is due.
    pub due: Option<Timestamp>,
    /// The neutral fields with our values.
    pub fields: Vec<SeenField>,
    /// The values, by field.
    pub values: Map<String, Value>,
}

/// A ticket as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What it looks like.
    pub seen: SeenState,
    /// The MACs of the marks of the changes that led there.
    pub receipts: Vec<ValueMac>,
    /// The values, by field.
    pub values: Map<String, Value>,
    /// The other side's own word for its status.
    pub vendor_status: Option<String>,
    /// Who changed it there.
    pub who: Option<String>,
}

/// The bounds of a ticket.
pub mod limits {
    /// Fields that are kept in step.
    pub const FIELDS_MAX: usize = 32;
    /// Marks of writes in one event.
    pub const RECEIPTS_MAX: usize = 16;
    /// Marks of our own writes that are remembered: the other side reports a write within the next few changes.
    pub const RECEIPTS_KEPT: usize = 64;
    /// States that are remembered: an old one that is read again, out of a search that lags, is no news.
    pub const VERSIONS_KEPT: usize = 16;
    /// Notes that wait to be sent.
    pub const NOTES_MAX: usize = 100;
    /// A note is a page.
    pub const NOTE_CHARS_MAX: usize = 4_000;
    /// A comment of the other side, cut to some pages.
    pub const COMMENT_CHARS_MAX: usize = 16_000;
}
