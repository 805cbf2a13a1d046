//! The events of tickets in other systems.

use super::work::{integration, json_of, mac, uuid};
use super::*;
use ledger_aggregates::ticket::*;

/// The events.
pub fn all() -> Vec<AnyEvent> {
    [tickets_out(), tickets_in()].concat()
}

pub(super) fn fields() -> Vec<SeenField> {
    vec![SeenField { field: FieldName::new("title").unwrap(), mac: mac(1) }]
}

pub(super) fn seen() -> SeenState {
    SeenState {
        version: mac(2),
        rank: Some(1_772_366_400_000_000),
        at: Some(time("2026-03-01T12:00:00Z")),
        status: Some(TicketStatus::InProgress),
        fields: fields(),
    }
}

fn tickets_out() -> Vec<AnyEvent> {
    let values = || json_of(json!({ "title": "AC-2 fails" }));
    let remote = || json_of(json!({ "id": "10001", "key": "GRC-1" }));
    let requested = TicketRequested {
        task: uuid(1),
        integration: integration(),
        conflict: ConflictPolicy::Hold,
        control: Some(control("ac-2")),
        evidence: Some(evidence(1)),
        severity: Severity::Critical,
        due: Some(time("2026-03-15T12:00:00Z")),
        fields: fields(),
        values: values(),
    };
    let sent = TicketSent {
        number: 1,
        integration: integration(),
        kind: EffectKind::Open,
        revision: 1,
        fields: fields(),
        status: Some(TicketStatus::Closed),
        note_number: Some(1),
        replaces: Some(0),
    };
    let wanted = TicketWanted {
        revision: 2,
        fields: fields(),
        status: Some(TicketStatus::Closed),
        heard: Some(3),
        values: values(),
        note: text("evidence shows it"),
    };
    let noted = TicketNoted {
        note_number: 1,
        kind: EffectKind::Comment,
        evidence: Some(evidence(1)),
        content: json_of(json!([{ "paragraph": [{ "text": "again" }] }])),
    };
    let synced = TicketSynced { number: 1, receipts: vec![mac(3)], seen: Some(seen()), values: values() };
    let events: [TicketEvent; 12] = [
        requested.into(),
        sent.into(),
        TicketOpened { remote_mac: mac(4), remote: remote() }.into(),
        wanted.into(),
        noted.into(),
        synced.into(),
        TicketHeld { number: 2, reason: FailureWord::Blocked }.into(),
        TicketDropped { number: 2 }.into(),
        TicketRelinked { episode: Some(1), remote_mac: mac(5), remote: remote() }.into(),
        TicketRecreated { episode: 1 }.into(),
        TicketReopened {}.into(),
        TicketAssigneeNoted {
            note_number: 2,
            content: json_of(json!([{ "paragraph": [{ "text": "yours" }] }])),
        }
        .into(),
    ];
    events.map(AnyEvent::from).to_vec()
}

fn tickets_in() -> Vec<AnyEvent> {
    let at = Some(time("2026-03-01T12:00:00Z"));
    let observed = TicketObserved {
        task: uuid(1),
        version: mac(2),
        rank: Some(7),
        at,
        by: Side::Them,
        status: Some(TicketStatus::InProgress),
        taken: fields(),
        apart: fields(),
        values: json_of(json!({ "title": "AC-2 fails badly" })),
        vendor_status: text("In Progress"),
        who: text("5b10a2844c20165700ede21g"),
    };
    let commented =
        TicketCommented { comment: mac(6), at, text: text("on it"), who: text("5b10a2844c20165700ede21g") };
    let title = FieldName::new("title").unwrap();
    let conflicted = TicketConflicted {
        conflict: 1,
        policy: ConflictPolicy::Hold,
        field: title.clone(),
        base: Some(mac(1)),
        ours: mac(7),
        theirs: mac(8),
        value: json_of(json!("AC-2 fails badly")),
    };
    let resolved = TicketConflictResolved {
        conflict: 1,
        field: title,
        choice: ConflictChoice::Theirs,
        note: text("they know better"),
    };
    let events: [TicketEvent; 10] = [
        observed.into(),
        commented.into(),
        conflicted.into(),
        resolved.into(),
        TicketClaimedDone { task: uuid(1), status: TicketStatus::Resolved }.into(),
        TicketTombstoneSuspected { episode: 1 }.into(),
        TicketFoundAgain { episode: 1 }.into(),
        TicketTombstoned { episode: 2 }.into(),
        TicketSuperseded { successor: 1, number: 3 }.into(),
        TicketClosed { reason: TicketEnd::Waived, episode: Some(2), unsent: Some(3) }.into(),
    ];
    events.map(AnyEvent::from).to_vec()
}
