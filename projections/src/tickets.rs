//! Tickets: both sides of each, and what they do not agree on.

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::ticket::TicketEvent;
use ledger_aggregates::values::{
    EffectKind, FailureWord, FieldName, IntegrationId, TaskId, TicketEnd, TicketId, TicketStatus, ValueMac,
};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Tickets. Newest first: order by `requested_index`, descending.
    pub table TICKET = "ticket" (growing);
    /// One ticket.
    pub row TicketRow {
        key {
            /// Its id.
            ticket: Id as TicketId,
        }
        /// `opening`, `open`, `suspected` (not found), `gone`, or `over`.
        state: Symbol as Text,
        /// The task that it serves.
        task: Id as TaskId,
        /// Where it is.
        integration: Text as IntegrationId,
        /// Its status there.
        status: Symbol as Option<TicketStatus>,
        /// The status that we want, as long as it is not there.
        wanted_status: Symbol as Option<TicketStatus>,
        /// Does the other side call it over, without evidence?
        claimed: Bool as bool,
        /// The number of what is on its way.
        sending: Int as Option<u64>,
        /// What is on its way.
        sending_kind: Symbol as Option<EffectKind>,
        /// Why that waits for somebody.
        held: Symbol as Option<FailureWord>,
        /// Fields that both sides changed, and that nobody has decided about.
        conflicts: Int as u64,
        /// How often comments came from the other side.
        comments: Int as u64,
        /// Why it is no longer kept in step.
        end: Symbol as Option<TicketEnd>,
        /// The MAC of its permanent id: by it the ticket of a fact is found.
        remote_mac: Text as Option<ValueMac>,
        /// Log index of the event that discloses where it is.
        remote_index: Int as Option<u64>,
        /// When it was asked for.
        requested_at: Time as Timestamp,
        /// Log index of that.
        requested_index: Int as u64,
        /// When both sides last agreed.
        synced_at: Time as Option<Timestamp>,
        /// When it was last read and was another than before.
        observed_at: Time as Option<Timestamp>,
        /// When something happened to it last.
        changed_at: Time as Timestamp,
        /// Log index of that.
        changed_index: Int as u64,
    }
    index [requested_index];
    index [integration, requested_index];
    index [state, requested_index];
    index [task];
    sparse index [remote_mac];
}

read_model! {
    /// Conflicts that wait for a decision.
    pub table TICKET_CONFLICT = "ticket_conflict" (resident);
    /// One field that both sides changed.
    pub row ConflictRow {
        key {
            /// The ticket.
            ticket: Id as TicketId,
            /// The field.
            field: Text as FieldName,
        }
        /// Which conflict of the ticket it is.
        conflict: Int as u64,
        /// Where.
        integration: Text as IntegrationId,
        /// The value when both sides last agreed.
        base: Text as Option<ValueMac>,
        /// Our value.
        ours: Text as ValueMac,
        /// Their value.
        theirs: Text as ValueMac,
        /// Since when.
        since: Time as Timestamp,
        /// Log index of the event that discloses their value.
        value_index: Int as u64,
    }
    index [integration];
}

static DEF: ProjectionDef =
    ProjectionDef { name: "tickets", version: 1, tables: &[&TICKET, &TICKET_CONFLICT] };

/// The projection.
#[derive(Debug)]
pub struct Tickets;

impl Projection for Tickets {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.ticket()? else { return Ok(()) };
        let ticket = aggregate_id(event, TicketId::from_stream)?;
        if let TicketEvent::Requested(requested) = fact {
            rows.store(&TicketRow {
                ticket,
                state: "opening".into(),
                task: requested.task,
                integration: requested.integration.clone(),
                status: None,
                wanted_status: None,
                claimed: false,
                sending: None,
                sending_kind: None,
                held: None,
                conflicts: 0,
                comments: 0,
                end: None,
                remote_mac: None,
                remote_index: None,
                requested_at: event.time,
                requested_index: event.index,
                synced_at: None,
                observed_at: None,
                changed_at: event.time,
                changed_index: event.index,
            });
            return Ok(());
        }
        let Some(mut row) = rows.fetch::<TicketRow>(&[ticket.to_cell()])? else {
            return Err(FoldError::poison(format!("ticket {ticket} was never asked for")));
        };
        row.changed_at = event.time;
        row.changed_index = event.index;
        match fact {
            TicketEvent::Conflicted(e) => {
                row.conflicts += 1;
                rows.store(&ConflictRow {
                    ticket,
                    field: e.field.clone(),
                    conflict: e.conflict.into(),
                    integration: row.integration.clone(),
                    base: e.base.clone(),
                    ours: e.ours.clone(),
                    theirs: e.theirs.clone(),
                    since: event.time,
                    value_index: event.index,
                });
            }
            TicketEvent::ConflictResolved(e) => {
                row.conflicts = row.conflicts.saturating_sub(1);
                rows.delete(&TICKET_CONFLICT, &[ticket.to_cell(), e.field.to_cell()]);
            }
            _ => change(&mut row, event, fact),
        }
        rows.store(&row);
        Ok(())
    }
}

fn change(row: &mut TicketRow, event: &LogEvent, fact: &TicketEvent) {
    let lands = |row: &mut TicketRow| (row.sending, row.sending_kind, row.held) = (None, None, None);
    match fact {
        TicketEvent::Requested(_) | TicketEvent::Conflicted(_) | TicketEvent::ConflictResolved(_) => {}
        TicketEvent::Noted(_) | TicketEvent::AssigneeNoted(_) => {}
        TicketEvent::Sent(e) => {
            (row.sending, row.sending_kind, row.held) = (Some(e.number.into()), Some(e.kind), None);
        }
        TicketEvent::Opened(e) => {
            row.state = "open".into();
            (row.remote_mac, row.remote_index) = (Some(e.remote_mac.clone()), Some(event.index));
        }
        TicketEvent::Relinked(e) => {
            row.state = "open".into();
            (row.remote_mac, row.remote_index) = (Some(e.remote_mac.clone()), Some(event.index));
            lands(row);
        }
        TicketEvent::Recreated(_) | TicketEvent::Superseded(_) => {
            row.state = "opening".into();
            (row.remote_mac, row.remote_index) = (None, None);
            lands(row);
        }
        TicketEvent::Wanted(e) => row.wanted_status = e.status.or(row.wanted_status),
        TicketEvent::Synced(e) => {
            if row.sending == Some(e.number.into()) {
                lands(row);
            }
            row.synced_at = Some(event.time);
            row.status = e.seen.as_ref().and_then(|seen| seen.status).or(row.status);
            if row.wanted_status == row.status {
                row.wanted_status = None;
            }
        }
        TicketEvent::Reopened(_) => {
            row.state = "open".into();
            (row.end, row.claimed) = (None, false);
        }
        TicketEvent::Held(e) => row.held = Some(e.reason),
        TicketEvent::Dropped(_) => lands(row),
        TicketEvent::Observed(e) => {
            row.status = e.status.or(row.status);
            row.claimed = row.claimed && row.status.is_some_and(TicketStatus::is_over);
            row.observed_at = Some(event.time);
        }
        TicketEvent::Commented(_) => row.comments += 1,
        TicketEvent::ClaimedDone(_) => row.claimed = true,
        TicketEvent::TombstoneSuspected(_) => row.state = "suspected".into(),
        TicketEvent::FoundAgain(_) => row.state = "open".into(),
        TicketEvent::Tombstoned(_) => {
            row.state = "gone".into();
            lands(row);
        }
        TicketEvent::Closed(e) => {
            row.state = "over".into();
            row.end = Some(e.reason);
            row.wanted_status = None;
            lands(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{given, minute, tenant};

    const ON: &str = "ticket-01900000-0000-5000-8000-000000000002";

    fn mac(n: u8) -> String {
        format!("{n:064x}")
    }

    fn opened() -> Vec<(&'static str, &'static str, Value)> {
        let requested = json!({ "task": "01900000-0000-5000-8000-000000000001", "integration": "jira-1",
            "conflict": "hold", "severity": "critical", "fields": [] });
        let sent =
            json!({ "number": 1, "integration": "jira-1", "kind": "open", "revision": 1, "fields": [] });
        let seen = json!({ "version": mac(2), "status": "open", "fields": [] });
        vec![
            (ON, "ticket.requested", requested),
            (ON, "ticket.sent", sent),
            (ON, "ticket.opened", json!({ "remote_mac": mac(4) })),
            (ON, "ticket.synced", json!({ "number": 1, "receipts": [], "seen": seen })),
        ]
    }

    #[test]
    fn a_ticket_is_followed_from_the_wish_to_its_end() {
        let row = given(&opened()[..2]).only::<TicketRow>(&tenant("t"));
        assert_eq!(
            (&*row.state, row.sending, row.sending_kind),
            ("opening", Some(1), Some(EffectKind::Open))
        );
        let mut events = opened();
        let row = given(&events).only::<TicketRow>(&tenant("t"));
        assert_eq!((&*row.state, row.sending, row.status), ("open", None, Some(TicketStatus::Open)));
        assert_eq!((row.remote_index, row.synced_at), (Some(2), Some(minute(3))));
        events.push((ON, "ticket.observed",
            json!({ "task": "01900000-0000-5000-8000-000000000001", "version": mac(3), "by": "them", "status": "resolved", "taken": [], "apart": [] })));
        events.push((
            ON,
            "ticket.claimed_done",
            json!({ "task": "01900000-0000-5000-8000-000000000001", "status": "resolved" }),
        ));
        assert!(given(&events).only::<TicketRow>(&tenant("t")).claimed);
        events.push((ON, "ticket.closed", json!({ "reason": "closed" })));
        let row = given(&events).only::<TicketRow>(&tenant("t"));
        assert_eq!((&*row.state, row.end), ("over", Some(TicketEnd::Closed)));
    }

    #[test]
    fn a_conflict_waits_until_it_is_decided() {
        let mut events = opened();
        events.push((
            ON,
            "ticket.conflicted",
            json!({ "conflict": 1, "policy": "hold", "field": "title", "ours": mac(5), "theirs": mac(6) }),
        ));
        let folded = given(&events);
        assert_eq!(folded.only::<TicketRow>(&tenant("t")).conflicts, 1);
        assert_eq!(folded.only::<ConflictRow>(&tenant("t")).value_index, 4);
        events.push((
            ON,
            "ticket.conflict_resolved",
            json!({ "conflict": 1, "field": "title", "choice": "theirs" }),
        ));
        let folded = given(&events);
        assert_eq!(folded.only::<TicketRow>(&tenant("t")).conflicts, 0);
        assert!(folded.all::<ConflictRow>(&tenant("t")).is_empty());
    }
}
