//! The queue of work in other systems: what is due, what is uncertain, what waits for somebody.
//!
//! It is derived: deleting it loses nothing. Due work is found by a sparse index on `due`, which holds nothing that is
//! under way, parked or over, so that asking often costs little however long the history is.

use ledger::ids::TenantId;
use ledger::read_model;
use ledger::readmodel::{Cell, CellType, FoldError, ProjectionDef, Query, Rows, Test, Text};
use ledger::time::Timestamp;
use ledger_aggregates::intent::{IntentEvent, limits};
use ledger_aggregates::values::{
    CancelReason, EffectKind, EffectPurpose, FailureWord, IntegrationId, IntentId, TicketId,
};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Intents. Newest first: order by `requested_index`, descending.
    pub table INTENT = "intent" (growing);
    /// One intent.
    pub row IntentRow {
        key {
            /// Its id.
            intent: Id as IntentId,
        }
        /// `due`, `running`, `uncertain`, `parked`, `succeeded` or `cancelled`.
        state: Symbol as Text,
        /// May it have been carried out, so that it is only looked up? Also while it runs or is parked.
        uncertain: Bool as bool,
        /// Where.
        integration: Text as IntegrationId,
        /// What.
        kind: Symbol as EffectKind,
        /// The ticket that it is about.
        ticket: Id as Option<TicketId>,
        /// When the next attempt or lookup may begin; absent: none will by itself.
        due: Time as Option<Timestamp>,
        /// Attempts so far, lookups among them.
        attempts: Int as u64,
        /// Why it waits.
        reason: Symbol as Option<FailureWord>,
        /// Why it was cancelled.
        cancelled: Symbol as Option<CancelReason>,
        /// When it was asked for.
        requested_at: Time as Timestamp,
        /// Log index of the event that discloses what is to be brought about.
        requested_index: Int as u64,
        /// Log index of the event that discloses the last request; absent: begin anew.
        sending_index: Int as Option<u64>,
        /// Log index of the event that discloses why it waits.
        detail_index: Int as Option<u64>,
        /// Log index of the event that discloses its outcome.
        result_index: Int as Option<u64>,
        /// When something happened to it last.
        changed_at: Time as Timestamp,
        /// Log index of that.
        changed_index: Int as u64,
    }
    index [requested_index];
    index [state, requested_index];
    index [integration, requested_index];
    sparse index [ticket];
    sparse index [due];
}

/// Intents ([`IntentRow`]) that may be attempted or looked up before a time, the longest due first.
pub fn intents_due(tenant: &TenantId, before: Timestamp) -> Query {
    Query::new(&INTENT, tenant).filter("due", Test::Below(Cell::time(before))).order_by("due")
}

/// Intents ([`IntentRow`]) in a state: `running` are those that a server that stopped has left.
pub fn intents_in(tenant: &TenantId, state: &str) -> Query {
    Query::new(&INTENT, tenant).is_text("state", state).order_by("requested_index")
}

static DEF: ProjectionDef = ProjectionDef { name: "intents", version: 2, tables: &[&INTENT] };

/// The projection.
#[derive(Debug)]
pub struct Intents;

impl Projection for Intents {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.intent()? else { return Ok(()) };
        let intent = aggregate_id(event, IntentId::from_stream)?;
        if let IntentEvent::Requested(requested) = fact {
            rows.store(&IntentRow {
                intent,
                state: "due".into(),
                uncertain: false,
                integration: requested.integration.clone(),
                kind: requested.kind,
                ticket: requested.ticket,
                due: Some(event.time),
                attempts: 0,
                reason: None,
                cancelled: None,
                requested_at: event.time,
                requested_index: event.index,
                sending_index: None,
                detail_index: None,
                result_index: None,
                changed_at: event.time,
                changed_index: event.index,
            });
            return Ok(());
        }
        let found = rows.amend(&[intent.to_cell()], |row: &mut IntentRow| {
            row.changed_at = event.time;
            row.changed_index = event.index;
            change(row, event, fact);
        })?;
        if found { Ok(()) } else { Err(FoldError::poison(format!("intent {intent} was never asked for"))) }
    }
}

fn change(row: &mut IntentRow, event: &LogEvent, fact: &IntentEvent) {
    let waits = |row: &mut IntentRow, due: Timestamp| {
        row.state = if row.uncertain { "uncertain" } else { "due" }.into();
        row.due = Some(due);
    };
    match fact {
        IntentEvent::Requested(_) => {}
        IntentEvent::AttemptStarted(e) => {
            row.state = "running".into();
            row.due = None;
            row.attempts = e.attempt.into();
            // A lookup reads; what it looks for is in the request before.
            if e.purpose == EffectPurpose::Perform {
                row.sending_index = Some(event.index);
            }
        }
        IntentEvent::Delayed(e) => {
            waits(row, e.not_before);
            (row.reason, row.detail_index) = (Some(e.reason), Some(event.index));
        }
        IntentEvent::Uncertain(e) => {
            row.uncertain = true;
            waits(row, e.not_before);
            (row.reason, row.detail_index) = (Some(FailureWord::Uncertain), Some(event.index));
        }
        IntentEvent::Absent(e) => {
            if e.looked >= limits::LOOKS_MIN {
                row.uncertain = false;
                row.sending_index = None;
            }
            waits(row, e.not_before);
        }
        IntentEvent::Succeeded(_) => {
            row.state = "succeeded".into();
            (row.due, row.reason, row.uncertain) = (None, None, false);
            row.result_index = Some(event.index);
        }
        IntentEvent::Parked(e) => {
            row.state = "parked".into();
            // The last of too many doubts parks it, straight from its attempt.
            row.uncertain |= e.reason == FailureWord::Uncertain;
            row.due = None;
            (row.reason, row.detail_index) = (Some(e.reason), Some(event.index));
        }
        IntentEvent::Replayed(_) => {
            waits(row, event.time);
            row.reason = None;
            if !row.uncertain {
                row.sending_index = None;
            }
        }
        IntentEvent::Cancelled(e) => {
            row.state = "cancelled".into();
            row.due = None;
            row.cancelled = Some(e.reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{at, given, minute, tenant};
    use ledger::readmodel::TypedRow;

    const ON: &str = "intent-01900000-0000-5000-8000-000000000003";

    fn started(purpose: &str) -> (&'static str, &'static str, Value) {
        let data = json!({ "attempt": 1, "step": 1, "purpose": purpose, "repeat": "once", "unsent": false });
        (ON, "intent.attempt_started", data)
    }

    fn row(events: &[(&str, &str, Value)]) -> IntentRow {
        given(events).only::<IntentRow>(&tenant("t"))
    }

    #[test]
    fn work_is_due_runs_waits_and_ends() {
        let later = "2026-03-01T01:00:00.000000Z";
        let mut events =
            vec![(ON, "intent.requested", json!({ "integration": "jira-1", "kind": "open", "number": 1 }))];
        assert_eq!((&*row(&events).state, row(&events).due), ("due", Some(minute(0))));
        events.push(started("perform"));
        assert_eq!(
            (&*row(&events).state, row(&events).due, row(&events).sending_index),
            ("running", None, Some(1))
        );
        events.push((ON, "intent.uncertain", json!({ "attempt": 1, "not_before": later })));
        events.push(started("lookup"));
        events.push((
            ON,
            "intent.delayed",
            json!({ "attempt": 1, "reason": "unavailable", "not_before": later }),
        ));
        let waits = row(&events);
        assert_eq!((&*waits.state, waits.due, waits.sending_index), ("uncertain", Some(at(later)), Some(1)));
        events.push((ON, "intent.absent", json!({ "looked": 1, "not_before": later })));
        assert_eq!(row(&events).state, "uncertain");
        events.push((ON, "intent.absent", json!({ "looked": 2, "not_before": later })));
        assert_eq!((&*row(&events).state, row(&events).sending_index), ("due", None));
        events.push((
            ON,
            "intent.parked",
            json!({ "reason": "forbidden", "attempts": 2, "episode": 1, "conflicts": [] }),
        ));
        assert_eq!((&*row(&events).state, row(&events).due), ("parked", None));
        events.push((ON, "intent.replayed", json!({ "episode": 1 })));
        assert_eq!((&*row(&events).state, row(&events).due), ("due", Some(minute(8))));
        events.push((ON, "intent.succeeded", json!({ "attempts": 3, "receipts": [] })));
        assert_eq!(
            (&*row(&events).state, row(&events).due, row(&events).result_index),
            ("succeeded", None, Some(9))
        );
    }

    #[test]
    fn what_too_many_doubts_have_parked_is_uncertain_when_it_is_replayed() {
        let replayed = |reason: &str| {
            row(&[
                (ON, "intent.requested", json!({ "integration": "jira-1", "kind": "open", "number": 1 })),
                started("perform"),
                (
                    ON,
                    "intent.parked",
                    json!({ "reason": reason, "attempts": 1, "episode": 1, "conflicts": [] }),
                ),
                (ON, "intent.replayed", json!({ "episode": 1 })),
            ])
        };
        assert_eq!(&*replayed("uncertain").state, "uncertain");
        // The control: the answer came.
        assert_eq!(&*replayed("rejected").state, "due");
    }

    #[test]
    fn what_is_due_is_found_in_order_and_nothing_else() {
        let on = |n: u8| format!("intent-01900000-0000-5000-8000-0000000000{n:02x}");
        let (a, b, c) = (on(1), on(2), on(3));
        let requested = || json!({ "integration": "jira-1", "kind": "open" });
        let delayed =
            json!({ "attempt": 1, "reason": "unavailable", "not_before": "2026-03-01T00:30:00.000000Z" });
        let folded = given(&[
            (&*a, "intent.requested", requested()),
            (&*b, "intent.requested", requested()),
            (&*c, "intent.requested", requested()),
            (&*a, "intent.delayed", delayed),
            (&*b, "intent.cancelled", json!({ "reason": "requested" })),
        ]);
        let due = |before: &str| {
            let page = folded.rows.query(&intents_due(&tenant("t"), at(before))).unwrap();
            page.rows.iter().map(|row| IntentRow::from_row(row).unwrap().requested_index).collect::<Vec<_>>()
        };
        assert_eq!(due("2026-03-01T00:10:00Z"), [2]);
        assert_eq!(due("2026-03-01T01:00:00Z"), [2, 0]);
    }
}
