use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::protocol::{FactKind, Response};

fn config() -> Value {
    json!({
        "table": "incident",
        "statuses": { "open": { "value": "1" }, "resolved": { "value": "6", "fields": { "close_code": "Solution provided" }, "note": "close_notes" }, "closed": { "value": "7", "final": true } },
    })
}

fn adapter() -> ServiceNow {
    let mut adapter = ServiceNow::default();
    adapter.configure(&config()).expect("fits");
    adapter
}

fn refused(status: u16, body: &Value) -> Failure {
    let response = Response { status, headers: BTreeMap::new(), body: body.to_string() };
    respond::failure(&response, Timestamp::from_micros(0))
}

#[test]
fn a_configuration_names_what_is_wrong_in_it() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut config = config();
        change(&mut config);
        ServiceNow::default().configure(&config).err().and_then(|failure| failure.field.map(String::from))
    };
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(refused(&|c| c["table"] = json!("incident?x")), Some("/table".into()));
    assert_eq!(refused(&|c| c["display"] = json!("A^B")), Some("/display".into()));
    assert_eq!(refused(&|c| c["statuses"]["open"]["value"] = json!("")), Some("/statuses/open/value".into()));
    assert_eq!(refused(&|c| c["password"] = json!("secret")), Some("/".into()));
}

#[test]
fn a_refusal_tells_policies_rules_and_rights_apart() {
    let error = |detail: &str| json!({ "error": { "message": "Operation Failed", "detail": detail }, "status": "failure" });
    let policy = refused(
        403,
        &error("Data Policy Exception: The following fields are mandatory: close_code, close_notes"),
    );
    assert_eq!((policy.kind, policy.field.as_deref()), (FailureKind::NeedsConfiguration, Some("close_code")));
    let rule = refused(403, &error("Operation against file 'incident' was aborted by Business Rule 'X^1'"));
    assert_eq!(rule.kind, FailureKind::NeedsConfiguration);
    assert_eq!(refused(403, &error("ACL Exception")).kind, FailureKind::Forbidden);
    assert_eq!(refused(404, &error("No Record found")).kind, FailureKind::Missing);
    assert_eq!(refused(401, &json!("x")).kind, FailureKind::Unauthenticated);
}

#[test]
fn a_key_that_would_change_a_query_is_digested() {
    let config = Config::parse(&config()).expect("fits");
    let correlation = |key: &str| {
        config.correlation(&Intent {
            id: "i".into(),
            key: key.into(),
            tenant: "acme".into(),
            ticket: None,
            effect: Effect::Read {},
        })
    };
    assert_eq!(correlation("ac-6.host-1"), "aigov:acme:ac-6.host-1");
    for key in ["a^ORactive=true", "a b", &"x".repeat(100)] {
        let digested = correlation(key);
        assert!(
            digested.len() == 38 && digested.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':'),
            "{digested}"
        );
    }
    assert_ne!(correlation("a^b"), correlation("a^c"));
}

#[test]
fn messages_of_the_script_are_hints_with_marks() {
    let adapter = adapter();
    let headers = BTreeMap::new();
    let read = |body: &Value| {
        let body = body.to_string();
        adapter.inbound(&InboundMessage {
            headers: &headers,
            body: &body,
            received_at: Timestamp::from_micros(0),
        })
    };
    let message = json!({
        "event_id": "e-1", "table": "incident", "sys_id": "9d385017c611228701d22104cc95c371", "number": "INC0000060",
        "sys_mod_count": "7", "sys_updated_on": "2026-01-22 14:12:37", "sys_updated_by": "beth", "state": "6",
        "correlation_id": "aigov:acme:x", "changed": ["state"],
    });
    let facts = read(&message).expect("read");
    assert_eq!(facts[0].kind, FactKind::Hint {});
    assert_eq!(facts[0].receipts[0].0, "servicenow:9d385017c611228701d22104cc95c371:7");
    assert_eq!(facts[0].at.map(|at| at.to_string()), Some("2026-01-22T14:12:37.000000Z".into()));
    let mut other = message.clone();
    other["table"] = json!("problem");
    assert_eq!(read(&other), Ok(Vec::new()));
    other["sys_id"] = json!("../../x");
    assert!(read(&other).is_err());
}
