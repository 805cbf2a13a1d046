use serde_json::json;

use super::*;
use crate::protocol::{Call, Method, Repeat, Response};

fn answer(plan: Plan) -> Vec<u8> {
    let answer = Answer { v: 1, id: 7, reply: Reply::Step(Step::send(plan)) };
    serde_json::to_vec(&answer).expect("serialises")
}

fn refusal(plan: Plan) -> Option<LineError> {
    decode::<Answer>(&answer(plan)).err()
}

#[test]
fn a_message_comes_back_as_it_was() {
    let plan = Plan::new(Method::Post, "/rest/api/3/issue?x=1", Repeat::Once, "POST /issue")
        .json(json!({"fields": {}}))
        .header("X-Atlassian-Token", "no-check")
        .then(json!({"at": "created"}));
    let message = Answer { v: 1, id: 7, reply: Reply::Step(Step::send(plan)) };
    assert_eq!(decode::<Answer>(&encode(&message).expect("fits")), Ok(message));
    let line = r#"{"v":1,"id":1,"call":{"interpret":{"task":{"health":{}},"continuation":null,"response":{"status":200,"body":"{}"},"now":"2026-03-01T12:00:00.000000Z"}}}"#;
    let request: Request = decode(line.as_bytes()).expect("a message");
    let Call::Interpret { response: Response { status: 200, .. }, .. } = request.call else {
        panic!("{request:?}")
    };
}

#[test]
fn what_is_not_known_is_refused() {
    for line in [
        r#"{"v":1,"id":1,"reply":{"configured":{}},"extra":1}"#,
        r#"{"v":1,"id":1,"reply":{"configured":{"extra":1}}}"#,
        r#"{"v":1,"id":1,"reply":{"unknown":{}}}"#,
        r#"{"v":1,"id":-1,"reply":{"configured":{}}}"#,
        r#"{"v":1,"id":1}"#,
        r#"[]"#,
        "",
        "ready",
        "{\"v\":1,\"id\":1,\"reply\":{\"configured\":{}}} {}",
    ] {
        assert!(matches!(decode::<Answer>(line.as_bytes()), Err(LineError::Malformed(_))), "{line}");
    }
    assert_eq!(decode::<Answer>(br#"{"v":2,"id":1,"anything":1}"#), Err(LineError::Version(2)));
}

#[test]
fn depth_length_and_continuations_are_bounded() {
    let deep = format!(r#"{{"v":1,"id":1,"reply":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(decode::<Answer>(deep.as_bytes()), Err(LineError::Malformed(_))));
    assert_eq!(decode::<Answer>(&vec![b' '; LINE_MAX + 1]), Err(LineError::TooLong));
    let plan = |size: usize| Plan::get("/x", "x").then(json!("c".repeat(size - 2)));
    assert_eq!(refusal(plan(CONTINUATION_MAX)), None);
    assert_eq!(refusal(plan(CONTINUATION_MAX + 1)), Some(LineError::Continuation(CONTINUATION_MAX + 1)));
}

#[test]
fn a_plan_names_no_host_and_no_credential() {
    assert_eq!(refusal(Plan::get("/rest/api/2/search?jql=a%20%3D%20b..&x=../y", "x")), None);
    for path in [
        "",
        "rest",
        "//evil.example/x",
        "http://evil.example/",
        "/\\evil.example",
        "/a/../../b",
        "/a/%2E%2e/b",
        "/a/./b",
        "/a b",
        "/a\r\nHost: evil",
        "/a#fragment",
        "/ü",
    ] {
        assert!(matches!(refusal(Plan::get(path, "x")), Some(LineError::Plan(_))), "{path:?}");
    }
    for (name, value) in [
        ("Authorization", "Basic x"),
        ("HOST", "evil"),
        ("cookie", "a=b"),
        ("Content-Length", "3"),
        ("transfer-encoding", "chunked"),
        ("X-Fine", "a\r\nHost: evil"),
        ("X Bad", "a"),
        ("", "a"),
    ] {
        assert!(
            matches!(refusal(Plan::get("/x", "x").header(name, value)), Some(LineError::Plan(_))),
            "{name}"
        );
    }
}
