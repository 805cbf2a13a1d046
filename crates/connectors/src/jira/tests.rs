use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::protocol::FactKind;

fn config() -> Value {
    json!({
        "deployment": "cloud", "project": "SEC", "issue_type": "10001",
        "statuses": { "resolved": { "name": "Done" }, "closed": { "category": "done" }, "open": { "category": "new" } },
    })
}

#[test]
fn a_configuration_names_what_is_wrong_in_it() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut config = config();
        change(&mut config);
        Jira::default().configure(&config).err().and_then(|failure| failure.field.map(String::from))
    };
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(refused(&|c| c["project"] = json!("S\" OR 1=1")), Some("/project".into()));
    assert_eq!(refused(&|c| c["label"] = json!("a b")), Some("/label".into()));
    assert_eq!(refused(&|c| c["page_size"] = json!(0)), Some("/page_size".into()));
    assert_eq!(refused(&|c| c["statuses"]["open"] = json!({})), Some("/statuses/open".into()));
    assert_eq!(refused(&|c| c["token"] = json!("secret")), Some("/".into()));
}

#[test]
fn a_precise_mapping_goes_before_a_category() {
    let config = Config::parse(&config()).expect("fits");
    let status = |name: &str, category: &str| {
        config
            .status_of(&json!({ "id": "1", "name": name, "statusCategory": { "key": category } }))
            .map(|s| s.name())
    };
    assert_eq!(status("Done", "done"), Some("resolved"));
    assert_eq!(status("Won't Do", "done"), Some("closed"));
    assert_eq!(status("In Progress", "indeterminate"), None);
}

#[test]
fn webhooks_are_hints_with_marks() {
    let mut jira = Jira::default();
    jira.configure(&config()).expect("fits");
    let headers = BTreeMap::from([("x-atlassian-webhook-identifier".to_owned(), "w-1".to_owned())]);
    let read = |body: Value| {
        let body = body.to_string();
        jira.inbound(&InboundMessage {
            headers: &headers,
            body: &body,
            received_at: Timestamp::from_micros(0),
        })
    };
    let issue = json!({ "id": "10040", "key": "SEC-41", "fields": { "status": { "name": "Done" } } });
    let updated = read(json!({
        "timestamp": 1_550_286_940_507_i64, "webhookEvent": "jira:issue_updated", "issue": issue,
        "user": { "accountId": "5c5f" }, "changelog": { "id": "10104", "items": [{ "field": "status" }] },
    }))
    .expect("read");
    assert_eq!(updated[0].kind, FactKind::Hint {});
    assert_eq!(
        (updated[0].dedupe.as_str(), updated[0].receipts[0].0.as_str()),
        ("jira:webhook:w-1", "jira:changelog:10104")
    );
    assert_eq!(updated[0].by.as_deref(), Some("5c5f"));
    let deleted = read(json!({ "webhookEvent": "jira:issue_deleted", "issue": issue })).expect("read");
    assert_eq!(deleted[0].kind, FactKind::GoneHint {});
    assert_eq!(read(json!({ "webhookEvent": "board_created" })), Ok(Vec::new()));
    assert!(read(json!({ "x": 1 })).is_err());
}

#[test]
fn what_jira_refuses_names_the_field() {
    let now = Timestamp::from_micros(0);
    let response = |status: u16, body: &str| Response { status, headers: BTreeMap::new(), body: body.into() };
    let failure =
        respond::failure(&response(400, r#"{"errorMessages":[],"errors":{"priority":"required"}}"#), now);
    assert_eq!((failure.kind, failure.field.as_deref()), (FailureKind::NeedsConfiguration, Some("priority")));
    for (status, kind) in [
        (401, FailureKind::Unauthenticated),
        (403, FailureKind::Forbidden),
        (404, FailureKind::Missing),
        (409, FailureKind::Unavailable),
        (413, FailureKind::Rejected),
        (429, FailureKind::RateLimited),
        (503, FailureKind::Unavailable),
        (302, FailureKind::NeedsConfiguration),
    ] {
        assert_eq!(respond::failure(&response(status, "not json"), now).kind, kind, "{status}");
    }
}
