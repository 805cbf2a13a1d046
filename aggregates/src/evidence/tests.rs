use proptest::prelude::*;
use serde_json::json;

use super::decide::recorded_result;
use super::*;
use crate::refusal::RefusalKind::{Conflict, Gone, Invalid, NotFound};
use crate::schema::Confidential;
use crate::testing::{at, given};
use crate::values::{CheckId, CheckResult, ControlRef, EvidenceId, ReviewVerdict, TargetRef};

fn control(id: &str) -> ControlRef {
    ControlRef::new("nist-800-53", id).unwrap()
}

fn submission() -> SubmitEvidence {
    SubmitEvidence {
        check: CheckId::new("linux-host/sshd-permit-root-login").unwrap(),
        probe: None,
        target_ref: TargetRef::default_ref(),
        controls: vec![control("ac-6"), control("ac-17")],
        result: CheckResult::Pass,
        checked: 12,
        skipped: 1,
        observed_from: at("2026-03-01T11:00:00Z"),
        observed_to: at("2026-03-01T11:00:05Z"),
        sent_at: at("2026-03-01T11:59:59Z"),
        cadence_seconds: Some(3600),
        title: "Root login by password is off".into(),
        summary: Some("PermitRootLogin is prohibit-password".into()),
        target: Some("db-1.example".into()),
        findings: Some(json!([{ "setting": "PermitRootLogin" }])),
        blobs: Vec::new(),
    }
}

fn submit(change: impl FnOnce(&mut SubmitEvidence)) -> EvidenceCommand {
    let mut submission = submission();
    change(&mut submission);
    EvidenceCommand::Submit(Box::new(submission))
}

fn submitted() -> EvidenceSubmitted {
    let s = submission();
    EvidenceSubmitted {
        check: s.check,
        probe: s.probe,
        target_ref: s.target_ref,
        controls: s.controls,
        result: s.result,
        reported_result: None,
        checked: s.checked,
        skipped: s.skipped,
        observed_from: s.observed_from,
        observed_to: s.observed_to,
        sent_at: s.sent_at,
        received_at: at("2026-03-01T12:00:00Z"),
        cadence_seconds: s.cadence_seconds,
        title: Confidential::of(s.title),
        summary: s.summary.into(),
        target: s.target.into(),
        findings: s.findings.into(),
        blobs: Confidential::none(),
    }
}

#[test]
fn a_result_that_is_handed_in_is_kept() {
    given::<Evidence>([]).when(&submit(|_| {})).then([submitted().into()]);
}

#[test]
fn nothing_checked_is_inconclusive_whatever_was_reported() {
    for (reported, checked, recorded) in [
        (CheckResult::Pass, 0, CheckResult::Inconclusive),
        (CheckResult::Fail, 0, CheckResult::Inconclusive),
        (CheckResult::NotApplicable, 0, CheckResult::NotApplicable),
        (CheckResult::Error, 0, CheckResult::Error),
        (CheckResult::Pass, 1, CheckResult::Pass),
    ] {
        let command = submit(|s| (s.result, s.checked) = (reported, checked));
        let reported_result = (recorded != reported).then_some(reported);
        let expected = EvidenceSubmitted { result: recorded, reported_result, checked, ..submitted() };
        given::<Evidence>([]).when(&command).then([expected.into()]);
    }
}

#[test]
fn the_same_evidence_is_not_handed_in_twice() {
    let refused = given::<Evidence>([submitted().into()]).when(&submit(|_| {}));
    refused.then_refused(Conflict, "evidence-already-submitted", "/id");
}

#[test]
fn a_submission_out_of_bounds_is_refused_with_its_place() {
    type Change = fn(&mut SubmitEvidence);
    let cases: [(Change, &str, &str); 18] = [
        (|s| s.controls.clear(), "evidence-controls", "/controls"),
        (
            |s| s.controls = (0..33).map(|n| control(&format!("x-{n}"))).collect(),
            "evidence-controls",
            "/controls",
        ),
        (|s| s.controls.push(control("ac-6")), "evidence-control-twice", "/controls/2"),
        (|s| s.observed_from = at("2026-03-01T11:00:06Z"), "evidence-times", "/observed_to"),
        (|s| s.observed_from = at("2026-03-01T12:05:01Z"), "evidence-in-the-future", "/observed_from"),
        (|s| s.observed_to = at("2026-03-01T12:05:01Z"), "evidence-in-the-future", "/observed_to"),
        (|s| s.sent_at = at("2026-03-01T12:05:01Z"), "evidence-in-the-future", "/sent_at"),
        (|s| s.cadence_seconds = Some(0), "evidence-cadence", "/cadence_seconds"),
        (|s| s.cadence_seconds = Some(366 * 86_400 + 1), "evidence-cadence", "/cadence_seconds"),
        (|s| s.title.clear(), "evidence-text", "/title"),
        (|s| s.title = "x".repeat(201), "evidence-text", "/title"),
        (|s| s.summary = Some("x".repeat(4_001)), "evidence-text", "/summary"),
        (|s| s.target = Some(String::new()), "evidence-text", "/target"),
        (|s| s.findings = Some(json!({})), "evidence-findings", "/findings"),
        (|s| s.findings = Some(json!(["text"])), "evidence-findings", "/findings"),
        (|s| s.findings = Some(json!(vec![json!({}); 1_001])), "evidence-findings-too-large", "/findings"),
        (
            |s| s.findings = Some(json!([{ "x": "y".repeat(262_144) }])),
            "evidence-findings-too-large",
            "/findings",
        ),
        (|s| s.blobs = vec![blob(""); 1], "evidence-blob", "/blobs/0"),
    ];
    for (change, code, pointer) in cases {
        given::<Evidence>([]).when(&submit(change)).then_refused(Invalid, code, pointer);
    }
    given::<Evidence>([]).when(&submit(|s| s.blobs = vec![blob("x"); 17])).then_refused(
        Invalid,
        "evidence-blobs",
        "/blobs",
    );
}

#[test]
fn the_last_value_within_a_bound_is_taken() {
    let command = submit(|s| {
        s.controls = (0..32).map(|n| control(&format!("x-{n}"))).collect();
        s.observed_to = at("2026-03-01T12:05:00Z");
        s.cadence_seconds = Some(366 * 86_400);
        s.title = "ü".repeat(200);
        s.summary = Some("ü".repeat(4_000));
        s.findings = Some(json!(vec![json!({}); 1_000]));
        s.blobs = vec![blob("x"); 16];
    });
    assert_eq!(given::<Evidence>([]).when(&command).events().len(), 1);
}

fn blob(id: &str) -> BlobRef {
    let text = |text: &str| text.to_owned();
    BlobRef { id: text(id), name: text("log.txt"), media_type: text("text/plain"), sha256: text(""), size: 1 }
}

#[test]
fn evidence_is_linked_to_new_controls_only() {
    let link = |controls: Vec<ControlRef>| EvidenceCommand::Link { controls };
    let linked = given::<Evidence>([submitted().into()]).when(&link(vec![control("ac-6"), control("cm-6")]));
    let events = linked.events();
    let [EvidenceEvent::Linked(event)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.controls, [control("cm-6")]);
    assert_eq!((event.result, event.observed_to), (CheckResult::Pass, submission().observed_to));
    given::<Evidence>([submitted().into()]).when(&link(vec![control("ac-6")])).then_nothing();
    let many: Vec<_> = (0..31).map(|n| control(&format!("x-{n}"))).collect();
    given::<Evidence>([submitted().into()]).when(&link(many)).then_refused(
        Invalid,
        "evidence-controls",
        "/controls",
    );
}

#[test]
fn a_rejection_is_final() {
    let review = |verdict| EvidenceCommand::Review { verdict, note: Some("seen".into()) };
    let reviewed = |verdict| EvidenceReviewed {
        verdict,
        controls: submission().controls,
        note: Confidential::of("seen".into()),
    };
    let history = || vec![EvidenceEvent::from(submitted())];
    let mut accepted = history();
    accepted.push(reviewed(ReviewVerdict::Accepted).into());
    given::<Evidence>(history())
        .when(&review(ReviewVerdict::Accepted))
        .then([reviewed(ReviewVerdict::Accepted).into()]);
    given::<Evidence>(accepted.clone()).when(&review(ReviewVerdict::Accepted)).then_nothing();
    given::<Evidence>(accepted)
        .when(&review(ReviewVerdict::Rejected))
        .then([reviewed(ReviewVerdict::Rejected).into()]);
    let mut rejected = history();
    rejected.push(reviewed(ReviewVerdict::Rejected).into());
    given::<Evidence>(rejected).when(&review(ReviewVerdict::Accepted)).then_refused(
        Gone,
        "evidence-over",
        "",
    );
}

#[test]
fn what_is_over_is_over() {
    let by = EvidenceId(uuid::Uuid::from_u128(7));
    given::<Evidence>([]).when(&EvidenceCommand::Expire).then_refused(NotFound, "evidence-unknown", "");
    let controls = submission().controls;
    let superseded = EvidenceSuperseded { by, controls: controls.clone() };
    given::<Evidence>([submitted().into()])
        .when(&EvidenceCommand::Supersede { by })
        .then([superseded.clone().into()]);
    given::<Evidence>([submitted().into(), superseded.into()]).when(&EvidenceCommand::Expire).then_refused(
        Gone,
        "evidence-over",
        "",
    );
    let expired = EvidenceExpired { expired_at: at("2026-03-01T12:00:00Z"), controls };
    given::<Evidence>([submitted().into()]).when(&EvidenceCommand::Expire).then([expired.clone().into()]);
    assert!(matches!(
        given::<Evidence>([submitted().into(), expired.into()]).state(),
        EvidenceState::Expired { .. }
    ));
}

proptest! {
    #[test]
    fn nothing_checked_never_passes_nor_fails(reported in 0..5_usize, checked in 0..3_u32) {
        let reported = CheckResult::ALL[reported].1;
        let recorded = recorded_result(reported, checked);
        prop_assert!(checked > 0 || !matches!(recorded, CheckResult::Pass | CheckResult::Fail));
        prop_assert!(checked == 0 || recorded == reported);
    }
}
