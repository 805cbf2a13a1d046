//! What is known about a ticket after each of its events.

use std::collections::VecDeque;

use super::command::limits;
use super::{
    Field, Flight, Link, NoteTopic, Place, SeenField, SeenState, TicketEvent, TicketSent, TicketState,
    Waiting,
};
use crate::values::{ConflictChoice, EffectKind, FailureWord, FieldName, ValueMac};

impl TicketState {
    pub(super) fn after(self, event: &TicketEvent) -> Self {
        match (self, event) {
            (_, TicketEvent::Requested(e)) => {
                let field = |seen: &SeenField| (seen.field.clone(), Field::ours(seen.mac.clone()));
                Self::Kept(Box::new(Link {
                    task: e.task,
                    integration: e.integration.clone(),
                    control: e.control.clone(),
                    evidence: e.evidence,
                    policy: e.conflict,
                    place: Place::Opening,
                    suspicions: 0,
                    successors: 0,
                    revision: 1,
                    heard: None,
                    sent: 0,
                    flight: None,
                    fields: e.fields.iter().map(field).collect(),
                    status: None,
                    wanted_status: None,
                    notes: 0,
                    waiting: VecDeque::new(),
                    conflicts: 0,
                    receipts: VecDeque::new(),
                    versions: VecDeque::new(),
                    rank: None,
                }))
            }
            (Self::Kept(link), TicketEvent::Closed(e)) => Self::Over { reason: e.reason, link },
            (Self::Over { link, .. }, TicketEvent::Reopened(_)) => Self::Kept(link),
            (Self::Kept(link), event) => Self::Kept(Box::new(link.after(event))),
            (state, _) => state,
        }
    }
}

impl Field {
    fn ours(mac: ValueMac) -> Self {
        Self { ours: Some(mac), dirty: true, ..Self::default() }
    }

    /// Both sides have the same from here on.
    fn agree(&mut self, mac: &ValueMac) {
        (self.ours, self.base, self.theirs) = (Some(mac.clone()), Some(mac.clone()), Some(mac.clone()));
        self.dirty = false;
    }
}

impl Link {
    pub(super) fn after(mut self, event: &TicketEvent) -> Self {
        match event {
            TicketEvent::Requested(_) | TicketEvent::Commented(_) => {}
            TicketEvent::Closed(_) | TicketEvent::Reopened(_) => {}
            TicketEvent::ClaimedDone(_) => {}
            TicketEvent::Sent(e) => self.fly(e),
            TicketEvent::Opened(e) => self.place = Place::There { remote: e.remote_mac.clone() },
            TicketEvent::Wanted(e) => {
                self.revision = e.revision;
                self.heard = self.heard.max(e.heard);
                for SeenField { field, mac } in &e.fields {
                    let field = self.fields.entry(field.clone()).or_default();
                    (field.ours, field.dirty, field.taken) = (Some(mac.clone()), true, false);
                }
                self.wanted_status = e.status.or(self.wanted_status);
            }
            TicketEvent::Noted(e) => {
                let about = e.evidence.filter(|_| e.kind == EffectKind::Comment);
                let topic = about.map(|_| NoteTopic::Evidence);
                self.queue(Waiting { note: e.note_number, kind: e.kind, topic });
            }
            TicketEvent::AssigneeNoted(e) => {
                let topic = Some(NoteTopic::Assignee);
                self.queue(Waiting { note: e.note_number, kind: EffectKind::Comment, topic });
            }
            TicketEvent::Synced(e) => self.land(e.number, &e.receipts, e.seen.as_ref()),
            TicketEvent::Held(e) => {
                if let Some(flight) = self.flight.as_mut().filter(|flight| flight.number == e.number) {
                    flight.held = true;
                    // What stands for itself does not hold up what comes after it; what conflicts is sent anew.
                    let apart = matches!(flight.kind, EffectKind::Comment | EffectKind::Attach);
                    if apart || e.reason == FailureWord::Conflict {
                        self.flight = None;
                    }
                }
            }
            TicketEvent::Dropped(e) => self.give_up(e.number),
            TicketEvent::Observed(e) => {
                self.remember(&e.version, e.rank);
                self.status = e.status.or(self.status);
                for SeenField { field, mac } in &e.taken {
                    let field = self.fields.entry(field.clone()).or_default();
                    field.agree(mac);
                    field.taken = true;
                }
                for SeenField { field, mac } in &e.apart {
                    self.fields.entry(field.clone()).or_default().theirs = Some(mac.clone());
                }
            }
            TicketEvent::Conflicted(e) => {
                self.conflicts = e.conflict;
                let field = self.fields.entry(e.field.clone()).or_default();
                field.theirs = Some(e.theirs.clone());
                field.conflict = Some(e.conflict);
            }
            TicketEvent::ConflictResolved(e) => self.resolve(&e.field, e.choice),
            TicketEvent::TombstoneSuspected(e) => {
                self.suspicions = e.episode;
                if let Place::There { remote } = &self.place {
                    self.place = Place::Suspected { remote: remote.clone() };
                }
            }
            TicketEvent::FoundAgain(_) => {
                if let Place::Suspected { remote } = &self.place {
                    self.place = Place::There { remote: remote.clone() };
                }
            }
            TicketEvent::Tombstoned(_) => {
                self.place = Place::Gone;
                self.flight = None;
            }
            TicketEvent::Relinked(e) => {
                self.place = Place::There { remote: e.remote_mac.clone() };
                self.forget();
            }
            TicketEvent::Recreated(_) => {
                self.place = Place::Opening;
                self.forget();
            }
            TicketEvent::Superseded(e) => {
                self.place = Place::Opening;
                self.successors = e.successor;
                // It begins open.
                self.wanted_status = None;
                self.forget();
            }
        }
        self
    }

    fn queue(&mut self, note: Waiting) {
        self.notes = note.note;
        self.waiting.retain(|known| note.topic.is_none() || known.topic != note.topic);
        self.waiting.push_back(note);
    }

    fn fly(&mut self, e: &TicketSent) {
        self.sent = e.number;
        if let Some(note) = e.note_number {
            self.waiting.retain(|waiting| waiting.note != note);
        }
        self.flight = Some(Flight {
            number: e.number,
            kind: e.kind,
            fields: e.fields.clone(),
            status: e.status,
            held: false,
        });
    }

    /// What was sent has arrived: what was read back is what both sides agree on, however the other side spells it.
    fn land(&mut self, number: u32, receipts: &[ValueMac], seen: Option<&SeenState>) {
        self.receipts.extend(receipts.iter().cloned());
        while self.receipts.len() > limits::RECEIPTS_KEPT {
            self.receipts.pop_front();
        }
        // A later state may have been read before this one arrived.
        let is_old = seen.is_some_and(|seen| self.is_old(seen));
        let flight = self.flight.take_if(|flight| flight.number == number);
        let sent = flight.as_ref().map_or(&[][..], |flight| &flight.fields);
        for SeenField { field, mac } in sent {
            let known = self.fields.entry(field.clone()).or_default();
            let back = match seen {
                Some(seen) => seen.fields.iter().find(|back| back.field == *field).map(|back| &back.mac),
                None => Some(mac),
            };
            // What the other side does not show is not kept in step there.
            let Some(back) = back else { continue };
            if known.ours.as_ref() == Some(mac) {
                (known.ours, known.dirty) = (Some(back.clone()), false);
            }
            known.base = Some(back.clone());
            if !is_old || known.theirs.is_none() {
                known.theirs = Some(back.clone());
            }
        }
        if let Some(seen) = seen.filter(|_| !is_old) {
            self.remember(&seen.version, seen.rank);
            self.status = seen.status.or(self.status);
        }
        if let Some(status) = flight.and_then(|flight| flight.status) {
            if seen.is_none_or(|seen| seen.status.is_none()) {
                self.status = Some(status);
            }
            if self.wanted_status == Some(status) {
                self.wanted_status = None;
            }
        }
    }

    fn give_up(&mut self, number: u32) {
        let Some(flight) = self.flight.take_if(|flight| flight.number == number) else { return };
        for SeenField { field, mac } in &flight.fields {
            if let Some(field) = self.fields.get_mut(field)
                && field.ours.as_ref() == Some(mac)
            {
                field.dirty = false;
            }
        }
        if flight.status == self.wanted_status {
            self.wanted_status = None;
        }
    }

    /// Is this field kept in step? Before the ticket was read for the first time, all are.
    pub(super) fn keeps(&self, field: &Field) -> bool {
        field.theirs.is_some() || self.versions.is_empty()
    }

    /// Was this state read before a later one? Ranks tell; without them, the states that were read do.
    pub(super) fn is_old(&self, seen: &SeenState) -> bool {
        match (seen.rank, self.rank) {
            (Some(seen), Some(latest)) => seen < latest,
            _ => self.versions.contains(&seen.version) && self.versions.back() != Some(&seen.version),
        }
    }

    fn resolve(&mut self, field: &FieldName, choice: ConflictChoice) {
        let field = self.fields.entry(field.clone()).or_default();
        field.conflict = None;
        match (choice, field.theirs.clone()) {
            (ConflictChoice::Ours, theirs) => (field.base, field.dirty) = (theirs, true),
            (ConflictChoice::Theirs | ConflictChoice::Agreed, Some(theirs)) => field.agree(&theirs),
            (ConflictChoice::Theirs | ConflictChoice::Agreed, None) => field.dirty = false,
        }
    }

    fn remember(&mut self, version: &ValueMac, rank: Option<u64>) {
        self.rank = self.rank.max(rank);
        self.versions.retain(|known| known != version);
        self.versions.push_back(version.clone());
        while self.versions.len() > limits::VERSIONS_KEPT {
            self.versions.pop_front();
        }
    }

    /// Nothing is known about a new ticket; all that we want is to be written to it.
    fn forget(&mut self) {
        self.flight = None;
        (self.status, self.rank) = (None, None);
        self.versions.clear();
        for field in self.fields.values_mut() {
            field.dirty = field.ours.is_some() && (field.dirty || field.theirs.is_some());
            (field.base, field.theirs, field.conflict) = (None, None, None);
        }
    }
}
