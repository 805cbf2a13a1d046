use std::time::Duration;

use ledger::time::Timestamp;
use ledger_aggregates::values::{CheckResult, ControlStatus};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Folded, at, given, minute, tenant};

const CONTROL_1: &str = "control-nist.ac-2.1";

fn evidence(n: u8) -> String {
    format!("01900000-0000-7000-8000-0000000000{n:02x}")
}

fn applied(n: u8, source: &str, result: &str) -> Value {
    json!({ "evidence": evidence(n), "source": source, "check": "linux/sshd", "target_ref": "host-1",
        "result": result, "observed_to": "2026-03-01T00:00:00.000000Z", "stale_after": "2026-03-01T01:00:00.000000Z" })
}

fn assessed(applied: &[Value], status: &str, failing: u32) -> Value {
    json!({ "applied": applied, "status": status, "sources": applied.len(), "failing": failing,
        "stale_after": "2026-03-01T01:00:00.000000Z" })
}

fn only(folded: &Folded) -> ControlRow {
    folded.only::<ControlRow>(&tenant("t"))
}

fn hour() -> Timestamp {
    at("2026-03-01T01:00:00Z")
}

#[test]
fn the_catalogue_lists_controls_with_what_is_public_of_them() {
    let control = json!({ "id": "ac-2.1", "title": "Account management", "parent": "ac-2", "group": "ac",
        "cadence_seconds": 3600, "maps_to": [{ "framework": "iso", "control": "a.5" }, { "framework": "cis", "control": "5" }] });
    let mut events = vec![
        ("x-1", "x.y", json!({})),
        ("framework-nist", "framework.controls_added", json!({ "controls": [control] })),
    ];
    let row = only(&given(&events));
    assert_eq!((row.framework.as_str(), row.control.as_str(), row.listed), ("nist", "ac-2.1", true));
    assert_eq!(row.title.as_deref(), Some("Account management"));
    assert_eq!((row.parent.unwrap().as_str(), row.group.unwrap().as_str()), ("ac-2", "ac"));
    assert_eq!(row.maps_to.as_deref(), Some("iso.a.5 cis.5"));
    assert_eq!((row.cadence_seconds, row.prose_index), (Some(3600), Some(1)));
    assert_eq!(row.status, ControlStatus::Unknown);
    events.push((
        "framework-nist",
        "framework.controls_withdrawn",
        json!({ "controls": ["ac-2.1", "never-had"] }),
    ));
    let row = only(&given(&events));
    assert!(!row.listed && row.title.is_some());
}

#[test]
fn evidence_is_weighed_by_source_and_kept_in_order() {
    let folded = given(&[
        (
            CONTROL_1,
            "control.assessed",
            assessed(&[applied(1, "probe-a", "fail"), applied(2, "probe-b", "pass")], "fail", 1),
        ),
        (
            CONTROL_1,
            "control.status_changed",
            json!({ "from": "unknown", "to": "fail", "evidence": evidence(1) }),
        ),
        (CONTROL_1, "control.assessed", assessed(&[applied(3, "probe-a", "pass")], "pass", 0)),
        (
            CONTROL_1,
            "control.status_changed",
            json!({ "from": "fail", "to": "pass", "evidence": evidence(3) }),
        ),
    ]);
    let row = only(&folded);
    assert_eq!((row.status, row.worst, row.failing), (ControlStatus::Pass, Some(CheckResult::Pass), 0));
    assert_eq!((row.since, row.changed_index), (Some(minute(3)), Some(3)));
    assert_eq!(row.evidence.unwrap().to_string(), evidence(3));
    let sources = folded.all::<ControlSourceRow>(&tenant("t"));
    let latest: Vec<_> =
        sources.iter().map(|row| (row.source.as_str(), row.evidence.to_string(), row.index)).collect();
    assert_eq!(latest, [("probe-a", evidence(3), 2), ("probe-b", evidence(2), 0)]);
    let all = folded.all::<ControlEvidenceRow>(&tenant("t"));
    let weighed: Vec<_> = all.iter().map(|row| (row.evidence.to_string(), row.result, row.index())).collect();
    assert_eq!(
        weighed,
        [
            (evidence(1), CheckResult::Fail, 0),
            (evidence(2), CheckResult::Pass, 0),
            (evidence(3), CheckResult::Pass, 2)
        ]
    );
    let history = folded.all::<ControlHistoryRow>(&tenant("t"));
    let changes: Vec<_> = history.iter().map(|row| (row.index, row.previous.unwrap(), row.status)).collect();
    assert_eq!(
        changes,
        [(1, ControlStatus::Unknown, ControlStatus::Fail), (3, ControlStatus::Fail, ControlStatus::Pass)]
    );
}

#[test]
fn the_status_at_a_time_follows_from_the_row_whether_staleness_was_recorded_or_not() {
    let mut events = vec![
        (CONTROL_1, "control.assessed", assessed(&[applied(1, "probe-a", "pass")], "pass", 0)),
        (
            CONTROL_1,
            "control.status_changed",
            json!({ "from": "unknown", "to": "pass", "evidence": evidence(1) }),
        ),
    ];
    let later = hour().plus(Duration::from_micros(1));
    let row = only(&given(&events));
    assert_eq!(
        (status_at(&row, hour()), status_at(&row, later)),
        (ControlStatus::Pass, ControlStatus::Stale)
    );
    assert_eq!(row.due, Some(hour()));
    let stale = json!({ "deadline": "2026-03-01T01:00:00.000000Z", "last_result": "pass", "overdue": 1 });
    events.push((CONTROL_1, "control.went_stale", stale));
    events.push((CONTROL_1, "control.status_changed", json!({ "from": "pass", "to": "stale" })));
    let folded = given(&events);
    let row = only(&folded);
    assert_eq!(
        (status_at(&row, hour()), status_at(&row, later)),
        (ControlStatus::Pass, ControlStatus::Stale)
    );
    assert_eq!(
        (row.status, row.worst, row.due, row.evidence),
        (ControlStatus::Stale, Some(CheckResult::Pass), None, None)
    );
    let told = folded.all::<ControlHistoryRow>(&tenant("t"));
    assert_eq!((&*told[1].change, told[1].deadline), ("went_stale", Some(hour())));
    events.push((CONTROL_1, "control.refreshed", json!({ "deadline": "2026-03-01T01:00:00.000000Z" })));
    assert_eq!(only(&given(&events)).due, Some(hour()));
}

#[test]
fn evidence_weighed_while_stale_still_shows_the_worst_result() {
    // The event says only stale: what lies behind it is found among the sources.
    let folded = given(&[
        (CONTROL_1, "control.assessed", assessed(&[applied(1, "probe-a", "inconclusive")], "stale", 0)),
        (CONTROL_1, "control.assessed", assessed(&[applied(2, "probe-b", "pass")], "stale", 0)),
    ]);
    let row = only(&folded);
    assert_eq!((row.worst, row.due), (Some(CheckResult::Inconclusive), None));
    let failing = given(&[(CONTROL_1, "control.assessed", assessed(&[applied(1, "a", "fail")], "stale", 1))]);
    assert_eq!(only(&failing).worst, Some(CheckResult::Fail));
}

#[test]
fn retracted_evidence_is_no_source_any_more() {
    let retracted = json!({ "evidence": evidence(1), "status": "pass", "sources": 1, "failing": 0 });
    let folded = given(&[
        (
            CONTROL_1,
            "control.assessed",
            assessed(&[applied(1, "probe-a", "fail"), applied(2, "probe-b", "pass")], "fail", 1),
        ),
        (CONTROL_1, "control.evidence_retracted", retracted),
    ]);
    let sources = folded.all::<ControlSourceRow>(&tenant("t"));
    assert_eq!(sources.iter().map(|row| row.source.as_str()).collect::<Vec<_>>(), ["probe-b"]);
    let row = only(&folded);
    assert_eq!((row.worst, row.sources, row.stale_after), (Some(CheckResult::Pass), 1, None));
}

#[test]
fn failures_are_numbered_and_told() {
    let mut events =
        vec![(CONTROL_1, "control.observation_raised", json!({ "epoch": 2, "evidence": evidence(1) }))];
    assert_eq!(only(&given(&events)).failure, Some(2));
    events.push((CONTROL_1, "control.observation_resolved", json!({ "epoch": 2, "evidence": evidence(2) })));
    let folded = given(&events);
    assert_eq!(only(&folded).failure, None);
    let told = folded.all::<ControlHistoryRow>(&tenant("t"));
    let told: Vec<_> = told.iter().map(|row| (&*row.change, row.failure)).collect();
    assert_eq!(told, [("observation_raised", Some(2)), ("observation_resolved", Some(2))]);
}
