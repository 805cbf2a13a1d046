//! The values of a ticket in clear: learned from its events with their opened disclosures, at the edge.
//!
//! The state says which value a field has, by its MAC; here stands what the MAC is of. So the two cannot drift apart.
//! What was erased is missing: a payload made from it leaves the field out, and a comparison without a base writes.

use std::collections::BTreeMap;

use ledger::domain::Aggregate;
use serde_json::{Map, Value};

use super::{Field, Link, SeenField, Ticket, TicketEvent, TicketState};
use crate::values::{FieldName, TaskId, ValueMac};

/// The values of a ticket in clear.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TicketValues {
    /// What is known about the ticket.
    pub state: TicketState,
    /// Where it is, in the words of the adapter protocol.
    pub remote: Option<Value>,
    /// Where the one was whose place it takes.
    pub predecessor: Option<Value>,
    /// The notes, by their numbers.
    pub notes: BTreeMap<u32, Value>,
    /// What is said with the status that we want.
    pub status_note: Option<String>,
    clear: BTreeMap<ValueMac, Value>,
}

impl TicketValues {
    /// Folds one event of the ticket. `opened` are the members of its disclosures that can still be read.
    pub fn fold(&mut self, event: &TicketEvent, opened: &Map<String, Value>) {
        let none = Map::new();
        let values = opened.get("values").and_then(Value::as_object).unwrap_or(&none);
        match event {
            TicketEvent::Requested(e) => self.learn(&e.fields, values),
            TicketEvent::Wanted(e) => {
                self.learn(&e.fields, values);
                if e.status.is_some() {
                    self.status_note = opened.get("note").and_then(Value::as_str).map(str::to_owned);
                }
            }
            TicketEvent::Synced(e) => {
                self.learn(e.seen.as_ref().map_or(&[], |seen| &seen.fields), values);
            }
            TicketEvent::Observed(e) => {
                self.learn(&e.taken, values);
                self.learn(&e.apart, values);
            }
            TicketEvent::Conflicted(e) => {
                if let Some(value) = opened.get("value") {
                    self.clear.insert(e.theirs.clone(), value.clone());
                }
            }
            TicketEvent::Noted(e) => {
                if let Some(content) = opened.get("content") {
                    self.notes.insert(e.note_number, content.clone());
                }
            }
            TicketEvent::AssigneeNoted(e) => {
                if let Some(content) = opened.get("content") {
                    self.notes.insert(e.note_number, content.clone());
                }
            }
            TicketEvent::Opened(_) | TicketEvent::Relinked(_) => self.remote = opened.get("remote").cloned(),
            TicketEvent::Recreated(_) => self.remote = None,
            TicketEvent::Superseded(_) => self.predecessor = self.remote.take(),
            TicketEvent::Sent(_)
            | TicketEvent::Held(_)
            | TicketEvent::Dropped(_)
            | TicketEvent::Commented(_)
            | TicketEvent::ConflictResolved(_)
            | TicketEvent::ClaimedDone(_)
            | TicketEvent::TombstoneSuspected(_)
            | TicketEvent::FoundAgain(_)
            | TicketEvent::Tombstoned(_)
            | TicketEvent::Reopened(_)
            | TicketEvent::Closed(_) => {}
        }
        self.state = Ticket::evolve(std::mem::take(&mut self.state), event);
    }

    /// The value that a MAC is of.
    pub fn value(&self, mac: &ValueMac) -> Option<&Value> {
        self.clear.get(mac)
    }

    /// The task that it serves, while it is kept in step.
    pub fn task(&self) -> Option<TaskId> {
        self.link().map(|link| link.task)
    }

    /// Our values.
    pub fn ours(&self) -> Map<String, Value> {
        self.side(|field| field.ours.as_ref())
    }

    /// The values when both sides last agreed: the base of a three-way comparison.
    pub fn base(&self) -> Map<String, Value> {
        self.side(|field| field.base.as_ref())
    }

    /// Their values.
    pub fn theirs(&self) -> Map<String, Value> {
        self.side(|field| field.theirs.as_ref())
    }

    fn side(&self, mac: impl Fn(&Field) -> Option<&ValueMac>) -> Map<String, Value> {
        let fields = self.link().map(|link| &link.fields);
        let value = |(name, field): (&FieldName, &Field)| {
            Some((name.as_str().to_owned(), self.clear.get(mac(field)?)?.clone()))
        };
        fields.into_iter().flatten().filter_map(value).collect()
    }

    fn link(&self) -> Option<&Link> {
        match &self.state {
            TicketState::Kept(link) => Some(link),
            TicketState::Absent | TicketState::Over { .. } => None,
        }
    }

    fn learn(&mut self, fields: &[SeenField], values: &Map<String, Value>) {
        for SeenField { field, mac } in fields {
            if let Some(value) = values.get(field.as_str()) {
                self.clear.insert(mac.clone(), value.clone());
            }
        }
    }
}
