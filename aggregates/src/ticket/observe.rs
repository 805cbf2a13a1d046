//! What follows from a ticket that was read: three values of a field (ours, theirs, and the one that both sides last
//! agreed on) tell who changed it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Flight, Link, SeenField, SeenState, TicketClaimedDone, TicketConflictResolved, TicketConflicted,
    TicketEvent, TicketObserved,
};
use crate::schema::Confidential;
use crate::values::{ConflictChoice, ConflictPolicy, FieldName, Side, ValueMac};

/// A decision in the making: the ticket as it will be, and the events that lead there.
pub(super) struct Decision {
    pub link: Link,
    pub events: Vec<TicketEvent>,
}

/// Whose word and values an observation carries along.
#[derive(Default)]
pub(super) struct Told<'a> {
    pub values: Option<&'a Map<String, Value>>,
    pub vendor_status: Option<&'a String>,
    pub who: Option<&'a String>,
}

impl Decision {
    pub(super) fn new(link: &Link) -> Self {
        Self { link: link.clone(), events: Vec::new() }
    }

    pub(super) fn record(&mut self, event: impl Into<TicketEvent>) {
        let event = event.into();
        self.link = self.link.clone().after(&event);
        self.events.push(event);
    }

    /// Compares what was read with what is known; nothing new, nothing recorded.
    pub(super) fn observe(&mut self, seen: &SeenState, by: Side, told: &Told<'_>) {
        let compared = Compared::of(&self.link, &seen.fields);
        let before = self.link.status;
        let status = seen.status.filter(|status| Some(*status) != before);
        if status.is_some() || !compared.taken.is_empty() || !compared.apart.is_empty() {
            let changed = compared.taken.iter().chain(&compared.apart);
            let observed = TicketObserved {
                task: self.link.task,
                version: seen.version.clone(),
                rank: seen.rank,
                at: seen.at,
                by,
                status,
                values: clear(changed, told.values),
                taken: compared.taken,
                apart: compared.apart,
                vendor_status: told.vendor_status.cloned().into(),
                who: told.who.cloned().into(),
            };
            self.record(observed);
        }
        for field in compared.agreed {
            self.resolve(&field, ConflictChoice::Agreed, None);
        }
        for (field, theirs) in compared.conflicts {
            let value = told.values.and_then(|values| values.get(field.as_str())).cloned();
            self.conflict(&field, theirs, value);
        }
        self.claim(before);
    }

    /// Does the other side call over what we do not?
    pub(super) fn claim(&mut self, before: Option<crate::values::TicketStatus>) {
        let ours = |flight: &Flight| flight.status.is_some();
        if self.link.wanted_status.is_some() || self.link.flight.as_ref().is_some_and(ours) {
            return;
        }
        if let Some(status) = self.link.status.filter(|status| status.is_over())
            && !before.is_some_and(|before| before.is_over())
        {
            self.record(TicketClaimedDone { task: self.link.task, status });
        }
    }

    /// Records a conflict, and decides it where the policy does.
    pub(super) fn conflict(&mut self, field: &FieldName, theirs: ValueMac, value: Option<Value>) {
        let Some(known) = self.link.fields.get(field) else { return };
        let Some(ours) = known.ours.clone().filter(|ours| *ours != theirs) else { return };
        // It stands already, or was decided already against this very value.
        if known.conflict.is_some() || known.base.as_ref() == Some(&theirs) {
            return;
        }
        let conflicted = TicketConflicted {
            conflict: self.link.conflicts.saturating_add(1),
            policy: self.link.policy,
            field: field.clone(),
            base: known.base.clone(),
            ours,
            theirs,
            value: value.into(),
        };
        self.record(conflicted);
        match self.link.policy {
            ConflictPolicy::Ours => self.resolve(field, ConflictChoice::Ours, None),
            ConflictPolicy::Theirs => self.resolve(field, ConflictChoice::Theirs, None),
            ConflictPolicy::Hold => {}
        }
    }

    pub(super) fn resolve(&mut self, field: &FieldName, choice: ConflictChoice, note: Option<&String>) {
        let Some(conflict) = self.link.fields.get(field).and_then(|field| field.conflict) else { return };
        let (field, note) = (field.clone(), note.cloned().into());
        self.record(TicketConflictResolved { conflict, field, choice, note });
    }
}

/// The fields that are other than they were, by what follows.
struct Compared {
    taken: Vec<SeenField>,
    apart: Vec<SeenField>,
    agreed: Vec<FieldName>,
    conflicts: BTreeMap<FieldName, ValueMac>,
}

impl Compared {
    fn of(link: &Link, seen: &[SeenField]) -> Self {
        let mut compared =
            Self { taken: Vec::new(), apart: Vec::new(), agreed: Vec::new(), conflicts: BTreeMap::new() };
        for field in seen {
            compared.add(link, field);
        }
        compared
    }

    fn add(&mut self, link: &Link, seen: &SeenField) {
        let unknown = super::Field::default();
        let known = link.fields.get(&seen.field).unwrap_or(&unknown);
        let mac = Some(&seen.mac);
        if known.theirs.as_ref() == mac {
            return;
        }
        let flies =
            |flight: &Flight| !flight.held && flight.fields.iter().any(|sent| sent.field == seen.field);
        if link.flight.as_ref().is_some_and(flies) {
            // It may be our own value on its way, however the other side spells it: its arrival decides.
            self.apart.push(seen.clone());
        } else if known.conflict.is_some() {
            self.apart.push(seen.clone());
            if known.ours.as_ref() == mac {
                self.agreed.push(seen.field.clone());
            }
        } else if !known.dirty || known.ours.as_ref() == mac {
            self.taken.push(seen.clone());
        } else {
            self.apart.push(seen.clone());
            // Without a common value nothing tells who changed it: ours is written.
            if known.base.is_some() && known.base.as_ref() != mac {
                self.conflicts.insert(seen.field.clone(), seen.mac.clone());
            }
        }
    }
}

/// The values of some fields in clear.
fn clear<'a>(
    fields: impl Iterator<Item = &'a SeenField>,
    values: Option<&Map<String, Value>>,
) -> Confidential<Value> {
    let Some(values) = values else { return Confidential::none() };
    let value = |seen: &SeenField| {
        let name = seen.field.as_str();
        values.get(name).map(|value| (name.to_owned(), value.clone()))
    };
    let clear: Map<String, Value> = fields.filter_map(value).collect();
    Confidential::of(Value::Object(clear))
}
