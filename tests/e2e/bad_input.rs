//! Bad input gets a clear error that says what, where and how to mend it, and changes nothing.

use serde_json::{Value, json};

use super::server::{Server, evidence, uuid, wait_for};

/// Appends one event and gives its number: between two calls nothing else was appended if they follow each other.
pub fn mark(server: &Server) -> u64 {
    let made = server.post("/v1/credentials", &json!({"role": "viewer"})).ok();
    made["receipt"]["index"].as_u64().unwrap()
}

#[test]
fn what_is_not_json_under_the_ingest_rules_is_refused_with_its_place() {
    let server = Server::tenant();
    let before = mark(&server);
    let deep = format!("{{\"findings\":{}1{}}}", "[".repeat(70), "]".repeat(70));
    for (body, pointer) in [
        (&b"{\"id\":"[..], None),
        (b"{\"id\":1,\"id\":2}", Some("/id")),
        (b"{\"findings\":[{\"n\":9007199254740993}]}", Some("/findings/0/n")),
        (b"{\"findings\":[1e999]}", Some("/findings/0")),
        (b"{\"title\":\"\xff\"}", None),
        (b"{\"title\":\"\\ud800\"}", Some("/title")),
        (deep.as_bytes(), None),
    ] {
        let answer = server.request("POST", "/v1/evidence", Some(&server.admin), Some(body));
        let text = String::from_utf8_lossy(body).into_owned();
        assert_eq!((answer.status, answer.problem()), (400, "malformed"), "{text}: {}", answer.text);
        if let Some(pointer) = pointer {
            assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{text}: {}", answer.text);
        }
    }
    assert_eq!(mark(&server), before + 1);
}

#[test]
fn a_value_that_breaks_a_rule_is_named_by_its_pointer() {
    let server = Server::with_starter();
    let (before, control) = (mark(&server), first_control(&server));
    let change = |member: &str, value: Value| {
        let mut body = evidence(&control, "pass");
        body[member] = value;
        body
    };
    for (body, pointer) in [
        (change("checked", json!("three")), "/checked"),
        (change("checked", json!(-1)), "/checked"),
        (change("result", json!("passed")), "/result"),
        (change("observed_to", json!("yesterday")), "/observed_to"),
        (change("observed_to", json!("2020-01-01T00:00:00Z")), "/observed_to"),
        (change("observed_to", json!("2099-01-01T00:00:00Z")), "/observed_to"),
        (change("id", json!("not-a-uuid")), "/id"),
        (change("check", json!("Not A Check")), "/check"),
        (change("controls", json!([])), "/controls"),
        (change("controls", json!([{"framework": "no-such", "control": "ac-1"}])), "/controls/0"),
        (change("controls", json!([{"framework": "starter", "control": "no-such"}])), "/controls/0"),
        (change("surprise", json!(1)), ""),
    ] {
        let answer = server.post("/v1/evidence", &body);
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{body}: {}", answer.text);
        let found = answer.json["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert!(found.starts_with(pointer), "{body}: {}", answer.text);
    }
    assert_eq!(mark(&server), before + 1);
}

#[test]
fn bodies_of_the_wrong_size_or_type_are_refused() {
    let server = Server::tenant();
    let before = mark(&server);
    let large = vec![b' '; 5 << 20];
    let answer = server.request("POST", "/v1/evidence", Some(&server.admin), Some(&large));
    assert_eq!((answer.status, answer.problem()), (413, "too-large"));
    let mut long = evidence("ac-1", "pass");
    long["title"] = json!("x".repeat(100_000));
    assert_eq!(server.post("/v1/evidence", &long).problem(), "invalid");
    let headers = [
        ("authorization".to_owned(), format!("Bearer {}", server.admin)),
        ("content-type".to_owned(), "text/plain".to_owned()),
    ];
    let answer = server.raw("POST", "/v1/evidence", &headers, Some(b"{}"));
    assert_eq!((answer.status, answer.problem()), (415, "unsupported-media-type"));
    let answer = server.request("PUT", "/v1/evidence", Some(&server.admin), Some(b"{}"));
    assert_eq!((answer.status, answer.problem()), (405, "method-not-allowed"));
    assert_eq!(server.get("/v1/no-such-thing").problem(), "not-found");
    assert_eq!(mark(&server), before + 1);
}

#[test]
fn a_repeated_command_gives_its_first_receipt_and_another_body_is_refused() {
    let server = Server::with_starter();
    let control = first_control(&server);
    let body = evidence(&control, "pass");
    let first = server.post("/v1/evidence", &body);
    assert_eq!((first.status, &first.json["duplicate"]), (201, &json!(false)), "{}", first.text);
    let mut later = body.clone();
    later["sent_at"] = json!("2026-01-01T00:00:00Z");
    for same in [&body, &later] {
        let again = server.post("/v1/evidence", same);
        assert_eq!((again.status, &again.json["index"]), (200, &first.json["index"]), "{}", again.text);
        assert_eq!(again.json["duplicate"], true);
    }
    let mut other = body.clone();
    other["result"] = json!("fail");
    let refused = server.post("/v1/evidence", &other);
    assert_eq!((refused.status, refused.problem()), (422, "command-reused"), "{}", refused.text);
}

#[test]
fn a_batch_answers_each_item_on_its_own() {
    let server = Server::with_starter();
    let control = first_control(&server);
    let good = evidence(&control, "pass");
    let mut bad = evidence(&control, "pass");
    bad["checked"] = json!("x");
    let answer = server.post("/v1/evidence/batch", &json!({"items": [good, bad, good]})).ok();
    let statuses: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|r| r["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 422, 200], "{answer}");
    assert_eq!(answer["results"][1]["problem"]["errors"][0]["pointer"], "/items/1/checked", "{answer}");
    let many: Vec<_> = (0..501).map(|_| json!({"id": uuid()})).collect();
    assert_eq!(server.post("/v1/evidence/batch", &json!({"items": many})).problem(), "invalid");
}

/// The id of a control of the starter catalogue, once the read models have it.
pub fn first_control(server: &Server) -> String {
    wait_for("the starter catalogue", || {
        let controls = server.get("/v1/controls?framework=starter&limit=1").ok();
        controls["items"][0]["control"].as_str().map(str::to_owned)
    })
}
