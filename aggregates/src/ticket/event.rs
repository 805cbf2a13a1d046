//! What happens to a ticket in another system, and to the wish to keep it in step.

use ledger::time::Timestamp;

use crate::schema::Confidential;
use crate::values::{
    ConflictChoice, ConflictPolicy, ControlRef, EffectKind, EvidenceId, FailureWord, FieldName,
    IntegrationId, Severity, Side, TaskId, TicketEnd, TicketStatus, ValueMac,
};
use crate::{events, public_object};

events! {
    /// What happened to a ticket.
    "ticket" TicketEvent {
        /// A ticket is to be opened and kept in step.
        Requested(TicketRequested) = "ledger.ticket.requested.v1" {
            /// The task that it serves.
            task: TaskId,
            /// Where it is to be.
            integration: IntegrationId,
            /// What happens to a field that both sides changed.
            conflict: ConflictPolicy,
            /// The control that the task concerns.
            control: Option<ControlRef>,
            /// The evidence that shows the failure.
            evidence: Option<EvidenceId>,
            /// How severe it is.
            severity: Severity,
            /// When it is due.
            due: Option<Timestamp>,
            /// The neutral fields with our values.
            fields: Vec<SeenField>,
            /// The values.
            values: Confidential<serde_json::Value>,
        }
        /// One thing is to be brought about in the ticket. There is at most one at a time.
        Sent(TicketSent) = "ledger.ticket.sent.v1" {
            /// Its number, counted from 1.
            number: u32,
            /// Where.
            integration: IntegrationId,
            /// What.
            kind: EffectKind,
            /// The wish that it carries out.
            revision: u32,
            /// The fields that it sets.
            fields: Vec<SeenField>,
            /// The status that it sets.
            status: Option<TicketStatus>,
            /// The number of the note that it brings.
            note_number: Option<u32>,
            /// The parked sending whose place it takes.
            replaces: Option<u32>,
        }
        /// The ticket is there.
        Opened(TicketOpened) = "ledger.ticket.opened.v1" {
            /// The MAC of its permanent id.
            remote_mac: ValueMac,
            /// Its id, what people call it and where they see it.
            remote: Confidential<serde_json::Value>,
        }
        /// Our side wants other values.
        Wanted(TicketWanted) = "ledger.ticket.wanted.v1" {
            /// The number of the wish, counted from 1 for the opening.
            revision: u32,
            /// The fields.
            fields: Vec<SeenField>,
            /// The status.
            status: Option<TicketStatus>,
            /// The place of the task's event that it follows from.
            heard: Option<u64>,
            /// The values.
            values: Confidential<serde_json::Value>,
            /// What is said with the status.
            note: Confidential<String>,
        }
        /// Our side wants something said, or a file attached.
        Noted(TicketNoted) = "ledger.ticket.noted.v1" {
            /// The number of the note, counted from 1.
            note_number: u32,
            /// `comment` or `attach`.
            kind: EffectKind,
            /// The evidence that it is about.
            evidence: Option<EvidenceId>,
            /// What is said, or which blob.
            content: Confidential<serde_json::Value>,
        }
        /// Our side wants to say who is to do it, in place of what still waits to say so.
        AssigneeNoted(TicketAssigneeNoted) = "ledger.ticket.assignee_noted.v1" {
            /// The number of the note, counted from 1.
            note_number: u32,
            /// What is said.
            content: Confidential<serde_json::Value>,
        }
        /// What had been closed is to be done again.
        Reopened(TicketReopened) = "ledger.ticket.reopened.v1" {}
        /// What was sent is carried out.
        Synced(TicketSynced) = "ledger.ticket.synced.v1" {
            /// The number of the sending.
            number: u32,
            /// The MACs of the marks of our writes, at most 16.
            receipts: Vec<ValueMac>,
            /// The ticket as it was read back.
            seen: Option<SeenState>,
            /// The values read back.
            values: Confidential<serde_json::Value>,
        }
        /// What was sent waits for somebody.
        Held(TicketHeld) = "ledger.ticket.held.v1" {
            /// The number of the sending.
            number: u32,
            /// Why.
            reason: FailureWord,
        }
        /// What was sent is given up; what it should have set stays as it is there.
        Dropped(TicketDropped) = "ledger.ticket.dropped.v1" {
            /// The number of the sending.
            number: u32,
        }
        /// The ticket was read, and is another than before.
        Observed(TicketObserved) = "ledger.ticket.observed.v1" {
            /// The task that it serves.
            task: TaskId,
            /// The MAC of the mark of this state.
            version: ValueMac,
            /// Its place among the states of the ticket: a later one has a higher rank.
            rank: Option<u64>,
            /// When it became so, by the other side's clock.
            at: Option<Timestamp>,
            /// Who changed it.
            by: Side,
            /// Its status, if it is another.
            status: Option<TicketStatus>,
            /// Fields with new values there, which ours follow.
            taken: Vec<SeenField>,
            /// Fields with new values there, while ours wait to be written.
            apart: Vec<SeenField>,
            /// The values.
            values: Confidential<serde_json::Value>,
            /// The other side's own word for its status.
            vendor_status: Confidential<String>,
            /// Who changed it there.
            who: Confidential<String>,
        }
        /// Somebody said something in the ticket.
        Commented(TicketCommented) = "ledger.ticket.commented.v1" {
            /// The MAC of the comment's mark.
            comment: ValueMac,
            /// When, by the other side's clock.
            at: Option<Timestamp>,
            /// What.
            text: Confidential<String>,
            /// Who.
            who: Confidential<String>,
        }
        /// Both sides changed the same field.
        Conflicted(TicketConflicted) = "ledger.ticket.conflicted.v1" {
            /// Which conflict of the ticket it is, counted from 1.
            conflict: u32,
            /// What decides it.
            policy: ConflictPolicy,
            /// The field.
            field: FieldName,
            /// Its value when both sides last agreed.
            base: Option<ValueMac>,
            /// Our value.
            ours: ValueMac,
            /// Their value.
            theirs: ValueMac,
            /// Their value in clear.
            value: Confidential<serde_json::Value>,
        }
        /// A conflict is over.
        ConflictResolved(TicketConflictResolved) = "ledger.ticket.conflict_resolved.v1" {
            /// Which conflict of the ticket it was.
            conflict: u32,
            /// The field.
            field: FieldName,
            /// How.
            choice: ConflictChoice,
            /// Why.
            note: Confidential<String>,
        }
        /// The other side calls it over. It is a claim, until evidence shows it.
        ClaimedDone(TicketClaimedDone) = "ledger.ticket.claimed_done.v1" {
            /// The task.
            task: TaskId,
            /// What the other side calls it.
            status: TicketStatus,
        }
        /// The ticket was not found: it is gone, or may not be seen.
        TombstoneSuspected(TicketTombstoneSuspected) = "ledger.ticket.tombstone_suspected.v1" {
            /// Which time, counted from 1.
            episode: u32,
        }
        /// The ticket was found again.
        FoundAgain(TicketFoundAgain) = "ledger.ticket.found_again.v1" {
            /// Which suspicion is over.
            episode: u32,
        }
        /// The ticket is gone. Nothing is sent to it any more, and it is not made again by itself.
        Tombstoned(TicketTombstoned) = "ledger.ticket.tombstoned.v1" {
            /// Which suspicion is confirmed.
            episode: u32,
        }
        /// Another ticket at the other side takes its place.
        Relinked(TicketRelinked) = "ledger.ticket.relinked.v1" {
            /// The suspicion that is over with it.
            episode: Option<u32>,
            /// The MAC of its permanent id.
            remote_mac: ValueMac,
            /// Its id, what people call it and where they see it.
            remote: Confidential<serde_json::Value>,
        }
        /// Somebody wants it made again.
        Recreated(TicketRecreated) = "ledger.ticket.recreated.v1" {
            /// Which suspicion is over with it.
            episode: u32,
        }
        /// The other side has closed it for good, and it is to be done again: another ticket there takes its place.
        Superseded(TicketSuperseded) = "ledger.ticket.superseded.v1" {
            /// Which successor it is, counted from 1.
            successor: u32,
            /// The sending that was refused.
            number: u32,
        }
        /// The ticket is no longer kept in step.
        Closed(TicketClosed) = "ledger.ticket.closed.v1" {
            /// Why.
            reason: TicketEnd,
            /// The suspicion that is over with it.
            episode: Option<u32>,
            /// The sending that is left undone.
            unsent: Option<u32>,
        }
    }
}

public_object! {
    /// A field with the MAC of its value.
    SeenField {
        /// The field.
        field: FieldName,
        /// Its value.
        mac: ValueMac,
    }
}

public_object! {
    /// A ticket as it was read.
    SeenState {
        /// The MAC of the mark of this state: two equal ones are the same state.
        version: ValueMac,
        /// Its place among the states of the ticket: a later one has a higher rank.
        rank: Option<u64>,
        /// When it became so, by the other side's clock.
        at: Option<Timestamp>,
        /// Where it stands, if the other side's state is mapped.
        status: Option<TicketStatus>,
        /// Its fields, at most 32.
        fields: Vec<SeenField>,
    }
}
