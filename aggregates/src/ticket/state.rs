//! What is known about a ticket.

use std::collections::{BTreeMap, VecDeque};

use super::SeenField;
use crate::values::{
    ConflictPolicy, ControlRef, EffectKind, EvidenceId, FieldName, IntegrationId, TaskId, TicketEnd,
    TicketStatus, ValueMac,
};

/// What is known about a ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TicketState {
    /// Nobody asked for it.
    #[default]
    Absent,
    /// It is kept in step.
    Kept(Box<Link>),
    /// It is no longer kept in step.
    Over {
        /// Why.
        reason: TicketEnd,
        /// As it was.
        link: Box<Link>,
    },
}

/// Both sides of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The task that it serves.
    pub task: TaskId,
    /// Where it is.
    pub integration: IntegrationId,
    /// The control that the task concerns.
    pub control: Option<ControlRef>,
    /// The evidence that shows the failure.
    pub evidence: Option<EvidenceId>,
    /// What happens to a field that both sides changed.
    pub policy: ConflictPolicy,
    /// Is it there?
    pub place: Place,
    /// How often it was not found.
    pub suspicions: u32,
    /// How many tickets there have taken the place of one that was closed for good.
    pub successors: u32,
    /// The number of our last wish.
    pub revision: u32,
    /// The place of the last event of the task that a wish followed from.
    pub heard: Option<u64>,
    /// The number of the last sending.
    pub sent: u32,
    /// What is being brought about.
    pub flight: Option<Flight>,
    /// The fields, as both sides have them.
    pub fields: BTreeMap<FieldName, Field>,
    /// Its status there.
    pub status: Option<TicketStatus>,
    /// The status that we want, as long as it is not there.
    pub wanted_status: Option<TicketStatus>,
    /// How many notes there were.
    pub notes: u32,
    /// The notes that wait.
    pub waiting: VecDeque<Waiting>,
    /// How many conflicts there were.
    pub conflicts: u32,
    /// The MACs of the marks of our last writes.
    pub receipts: VecDeque<ValueMac>,
    /// The states that were read, the latest last.
    pub versions: VecDeque<ValueMac>,
    /// The rank of the latest state.
    pub rank: Option<u64>,
}

/// Is the ticket there?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It is being opened.
    Opening,
    /// Yes.
    There {
        /// The MAC of its permanent id.
        remote: ValueMac,
    },
    /// It was not found.
    Suspected {
        /// The MAC of its permanent id.
        remote: ValueMac,
    },
    /// It is gone.
    Gone,
}

/// A field, as both sides have it. MACs of values, since the values are confidential.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// Our value.
    pub ours: Option<ValueMac>,
    /// The value when both sides last agreed.
    pub base: Option<ValueMac>,
    /// Their value.
    pub theirs: Option<ValueMac>,
    /// Does our value wait to be written?
    pub dirty: bool,
    /// Was our value taken from their side, and nothing wanted since?
    pub taken: bool,
    /// Did both sides change it? The number of the conflict.
    pub conflict: Option<u32>,
}

/// A note that waits to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub note: u32,
    /// `Comment` or `Attach`.
    pub kind: EffectKind,
    /// What it tells about.
    pub topic: Option<NoteTopic>,
}

/// What our side tells a ticket about, so that the latest word alone waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteTopic {
    /// Who is to do it.
    Assignee,
    /// New evidence.
    Evidence,
}

/// Something that is being brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flight {
    /// Its number.
    pub number: u32,
    /// What.
    pub kind: EffectKind,
    /// The fields that it sets.
    pub fields: Vec<SeenField>,
    /// The status that it sets.
    pub status: Option<TicketStatus>,
    /// Does it wait for somebody?
    pub held: bool,
}
