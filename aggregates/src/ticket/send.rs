//! What is sent next. One thing at a time: what is wanted meanwhile is sent together when it has ended.

use super::observe::Decision;
use super::{Flight, Link, Place, SeenField, TicketObserved, TicketSent};
use crate::schema::Confidential;
use crate::values::{EffectKind, Side, TicketStatus};

/// Why something is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Send {
    /// What went before has ended: nothing takes the place of what is held up.
    Next,
    /// Something new is wanted: it takes the place of what is held up, but the same is not tried again.
    Fresh,
    /// What is held up is wanted anew, against another base.
    Anew,
}

/// What may be sent.
struct Next {
    kind: EffectKind,
    fields: Vec<SeenField>,
    status: Option<TicketStatus>,
    note: Option<u32>,
}

impl Decision {
    /// Sends the next thing, if nothing is on its way.
    pub(super) fn send(&mut self, why: Send) {
        let link = &self.link;
        let held = link.flight.as_ref().filter(|flight| flight.held && flight.kind != EffectKind::Open);
        if link.flight.is_some() && (held.is_none() || why == Send::Next) {
            return;
        }
        let Some(next) = next(link, held.filter(|_| why == Send::Fresh)) else { return };
        let replaces = held.map(|flight| flight.number);
        let sent = TicketSent {
            number: link.sent.saturating_add(1),
            integration: link.integration.clone(),
            kind: next.kind,
            revision: link.revision,
            fields: next.fields,
            status: next.status,
            note_number: next.note,
            replaces,
        };
        self.record(sent);
    }

    /// What the other side changed after our write, but was read before our write was known to have arrived.
    pub(super) fn catch_up(&mut self) {
        let later = |(name, field): (&crate::values::FieldName, &super::Field)| {
            let theirs =
                field.theirs.clone().filter(|_| field.conflict.is_none() && field.theirs != field.base);
            theirs.map(|mac| (SeenField { field: name.clone(), mac }, field.dirty, field.base.is_some()))
        };
        let later: Vec<_> = self.link.fields.iter().filter_map(later).collect();
        let taken: Vec<SeenField> =
            later.iter().filter(|(_, dirty, _)| !dirty).map(|(seen, ..)| seen.clone()).collect();
        if let (false, Some(version)) = (taken.is_empty(), self.link.versions.back().cloned()) {
            self.record(TicketObserved {
                task: self.link.task,
                version,
                rank: self.link.rank,
                at: None,
                by: Side::Them,
                status: None,
                taken,
                apart: Vec::new(),
                values: Confidential::none(),
                vendor_status: Confidential::none(),
                who: Confidential::none(),
            });
        }
        for (seen, dirty, has_base) in later {
            if dirty && has_base {
                self.conflict(&seen.field, seen.mac, None);
            }
        }
    }
}

fn next(link: &Link, held: Option<&Flight>) -> Option<Next> {
    let nothing = || Next { kind: EffectKind::Update, fields: Vec::new(), status: None, note: None };
    let dirty: Vec<SeenField> = link
        .fields
        .iter()
        .filter_map(|(field, known)| {
            let mac = known
                .ours
                .clone()
                .filter(|_| known.dirty && known.conflict.is_none() && link.keeps(known))?;
            Some(SeenField { field: field.clone(), mac })
        })
        .collect();
    match link.place {
        Place::Opening => return Some(Next { kind: EffectKind::Open, fields: dirty, ..nothing() }),
        Place::Suspected { .. } | Place::Gone => return None,
        Place::There { .. } => {}
    }
    let update = (!dirty.is_empty()).then(|| Next { fields: dirty, ..nothing() });
    let note = link.waiting.front().map(|waiting| Next {
        kind: waiting.kind,
        note: Some(waiting.note),
        ..nothing()
    });
    let target =
        link.wanted_status.map(|status| Next { kind: EffectKind::Move, status: Some(status), ..nothing() });
    // What is over takes no changes: it is reopened first.
    let is_over = |status: Option<TicketStatus>| status.is_some_and(TicketStatus::is_over);
    let reopens = target.is_some() && is_over(link.status) && !is_over(link.wanted_status);
    let Some(held) = held else {
        return if reopens { target } else { update.or(note).or(target) };
    };
    // The same again would be held up again; and what is held up must not hold up the rest.
    let is_other =
        |next: &Next| (next.kind, &next.fields, next.status) != (held.kind, &held.fields, held.status);
    let ordered =
        if held.kind == EffectKind::Update { [target, note, update] } else { [update, note, target] };
    ordered.into_iter().flatten().find(is_other)
}
