use super::*;

fn evidence() -> Evidence {
    Evidence::new("mlflow/approvals", "Models are approved", CheckResult::Pass).control("nist-800-53", "cm-3")
}

#[test]
fn what_is_missing_is_filled_in_once() {
    let now = Timestamp::from_micros(5);
    let id = Uuid::from_u128(7);
    let whole = evidence().complete(id, now, Some("models"));
    assert_eq!((whole.id, whole.probe.as_deref()), (Some(id), Some("models")));
    assert_eq!((whole.observed_from, whole.observed_to, whole.sent_at), (Some(now), Some(now), Some(now)));
    let own = Evidence { id: Some(Uuid::from_u128(8)), ..evidence() }.complete(id, now, None);
    assert_eq!((own.id, own.probe), (Some(Uuid::from_u128(8)), None));
}

#[test]
fn what_the_ledger_would_refuse_is_refused() {
    assert_eq!(evidence().validate(), Ok(()));
    let cases = [
        Evidence { check: "Upper".into(), ..evidence() },
        Evidence { check: String::new(), ..evidence() },
        Evidence { check: "x".repeat(121), ..evidence() },
        Evidence { target_ref: Some("host name".into()), ..evidence() },
        Evidence { controls: Vec::new(), ..evidence() },
        Evidence { controls: vec![ControlRef::new("nist", "ac-6"); 33], ..evidence() },
        evidence().control("NIST", "ac-6"),
        evidence().control("nist", "AC-6"),
        Evidence { title: " ".into(), ..evidence() },
        Evidence { findings: vec![Finding::new(); FINDINGS_MAX + 1], ..evidence() },
        Evidence {
            observed_from: Some(Timestamp::from_micros(2)),
            observed_to: Some(Timestamp::from_micros(1)),
            ..evidence()
        },
    ];
    for case in cases {
        assert!(case.validate().is_err(), "{case:?}");
    }
}

#[test]
fn unknown_members_are_refused() {
    let mut json = serde_json::to_value(evidence()).unwrap();
    assert!(serde_json::from_value::<Evidence>(json.clone()).is_ok());
    json["severity"] = "high".into();
    assert!(serde_json::from_value::<Evidence>(json).is_err());
}
