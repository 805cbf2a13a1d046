//! Bad input gets a clear error that says what, where and how to mend it, and changes nothing.

use serde_json::{Value, json};

use super::server::{Server, evidence, json_headers, time, uuid, wait_for};

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
    let blob = vec![b'x'; (32 << 20) + 1];
    let answer = server.request("POST", "/v1/blobs", Some(&server.admin), Some(&blob));
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
    // What the ledger itself makes of the evidence comes a moment later.
    wait_for("the control", || {
        let control = server.get(&format!("/v1/controls/starter/{control}")).ok();
        (control["status"] == "pass").then_some(())
    });
    let before = mark(&server);
    let refused = server.post("/v1/evidence", &other);
    assert_eq!((refused.status, refused.problem()), (422, "command-reused"), "{}", refused.text);
    // Commands that carry no id of their own are told apart by the header.
    let make = |cadence_seconds: u32| {
        let mut headers = json_headers(&server.admin);
        headers.push(("idempotency-key".to_owned(), "the-same".to_owned()));
        let body = json!({"id": "one", "kind": "linux-host", "cadence_seconds": cadence_seconds}).to_string();
        server.raw("POST", "/v1/probes", &headers, Some(body.as_bytes()))
    };
    let first = make(60).ok();
    let refused = make(90);
    assert_eq!((refused.status, refused.problem()), (422, "command-reused"), "{}", refused.text);
    assert_eq!(mark(&server), before + 2);
    assert_eq!(first["receipt"]["index"].as_u64(), Some(before + 1));
    let kept = server.get(&format!("/v1/evidence/{}", body["id"].as_str().unwrap())).ok();
    assert_eq!(kept["result"], "pass", "{kept}");
}

#[test]
fn a_key_that_is_wrong_expired_or_revoked_changes_nothing() {
    let server = Server::with_starter();
    let control = first_control(&server);
    let expiring = json!({"role": "probe", "expires_at": time(2)});
    let expired = server.post("/v1/credentials", &expiring).ok()["key"].as_str().unwrap().to_owned();
    let made = server.post("/v1/credentials", &json!({"role": "probe"})).ok();
    let (id, revoked) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    server.post(&format!("/v1/credentials/{id}/revoke"), &json!({"reason": "compromised"})).ok();
    let stranger =
        ledger::apikey::ApiKey::generate(ledger::apikey::Environment::Live, &ledger::clock::OsEntropy);
    let who = |key: &str| server.request("GET", "/v1/whoami", Some(key), None).status;
    wait_for("the key to expire", || (who(&expired) == 401).then_some(()));
    let before = mark(&server);
    let body = evidence(&control, "pass");
    let submit =
        |key: Option<&str>| server.request("POST", "/v1/evidence", key, Some(body.to_string().as_bytes()));
    for (key, words) in [
        (None, "key"),
        (Some("lgr_live_x"), "key"),
        (Some(&*stranger.expose()), "key"),
        (Some(&*expired), "expired"),
        (Some(revoked), "revoked"),
    ] {
        let refused = submit(key);
        assert_eq!((refused.status, refused.problem()), (401, "unauthenticated"), "{}", refused.text);
        assert!(refused.json["detail"].as_str().unwrap().contains(words), "{words}: {}", refused.text);
    }
    assert_eq!(mark(&server), before + 1);
    // The control: with a good key the same request is taken.
    assert_eq!(submit(Some(&server.key("probe"))).status, 201);
}

#[test]
fn the_id_of_the_shipped_catalogue_is_kept_for_it() {
    let server = Server::tenant();
    let before = mark(&server);
    let own = include_bytes!("../../aggregates/tests/fixtures/small-catalog.json");
    let put = |id: &str, body: &[u8]| {
        server.request("PUT", &format!("/v1/frameworks/{id}"), Some(&server.admin), Some(body))
    };
    let taken = put("starter", own);
    assert_eq!((taken.status, taken.problem()), (409, "conflict"), "{}", taken.text);
    assert!(taken.json["hint"].as_str().unwrap().contains("choose another id"), "{}", taken.text);
    let unknown = server.post("/v1/frameworks/nist-800-53", &json!({}));
    assert_eq!((unknown.status, unknown.problem()), (404, "not-found"), "{}", unknown.text);
    for (body, pointer) in [(&b"{}"[..], ""), (b"{\"catalog\":[]}", ""), (b"[]", "")] {
        let refused = put("own", body);
        assert_eq!((refused.status, refused.problem()), (422, "invalid"), "{}", refused.text);
        assert!(
            refused.json["errors"][0]["pointer"].as_str().unwrap().starts_with(pointer),
            "{}",
            refused.text
        );
    }
    assert_eq!(mark(&server), before + 1);
    // The control: under an id of its own it is taken, beside the shipped one.
    assert_eq!(put("own", own).status, 201);
    assert_eq!(server.post("/v1/frameworks/starter", &json!({})).status, 201);
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
