//! Tasks, routes and configurations as people handle them through the API.

use serde_json::{Value, json};

use super::bad_input::first_control;
use super::evidence::status_becomes;
use super::server::{Server, evidence, time, wait_for};

fn put(server: &Server, path: &str, body: &Value) -> Value {
    server.request("PUT", path, Some(&server.admin), Some(body.to_string().as_bytes())).ok()
}

fn task(server: &Server, id: &str, state: &str) -> Value {
    wait_for(&format!("task {id} to be {state}"), || {
        let answer = server.get(&format!("/v1/tasks/{id}"));
        (answer.status == 200 && answer.json["state"] == state).then_some(answer.json)
    })
}

#[test]
fn a_task_is_opened_by_hand_assigned_claimed_and_closed_with_a_reason() {
    let server = Server::tenant();
    let body =
        json!({"title": "Rotate the keys of the build server", "severity": "warning", "due": time(86_400)});
    let opened = server.post("/v1/tasks", &body).ok();
    let id = opened["id"].as_str().unwrap().to_owned();
    assert_eq!(task(&server, &id, "open")["title"], body["title"]);

    let at = |verb: &str| format!("/v1/tasks/{id}/{verb}");
    server.post(&at("assign"), &json!({"assignee": "ada@example.test"})).ok();
    let change = json!({"severity": "critical"}).to_string();
    server.request("PATCH", &format!("/v1/tasks/{id}"), Some(&server.admin), Some(change.as_bytes())).ok();
    server.post(&at("claim"), &json!({"note": "done on Tuesday"})).ok();
    let claimed = task(&server, &id, "claimed");
    assert_eq!(
        (&claimed["severity"], &claimed["assignee"]),
        (&json!("critical"), &json!("ada@example.test"))
    );

    let past = server.post(&at("close"), &json!({"reason": "accepted_risk", "until": time(-60)}));
    assert_eq!(
        (past.status, past.json["errors"][0]["pointer"].as_str()),
        (422, Some("/until")),
        "{}",
        past.text
    );
    server
        .post(
            &at("close"),
            &json!({"reason": "accepted_risk", "until": time(3600), "note": "until the move"}),
        )
        .ok();
    let closed = task(&server, &id, "closed");
    assert_eq!(closed["reason"], "accepted_risk");
    assert!(closed["reconsider_at"].is_string(), "{closed}");
    let listed = server.get("/v1/tasks?state=closed").ok();
    assert_eq!(listed["items"][0]["task"], id.as_str(), "{listed}");
}

#[test]
fn the_same_request_opens_one_task_and_names_it_again() {
    let server = Server::tenant();
    let headers = || {
        let mut headers = super::server::json_headers(&server.admin);
        headers.push(("idempotency-key".to_owned(), "open-it-once".to_owned()));
        headers
    };
    let body = json!({"title": "Once", "severity": "info"}).to_string();
    let first = server.raw("POST", "/v1/tasks", &headers(), Some(body.as_bytes()));
    let again = server.raw("POST", "/v1/tasks", &headers(), Some(body.as_bytes()));
    assert_eq!((first.status, again.status), (201, 200), "{} {}", first.text, again.text);
    assert_eq!(first.json["id"], again.json["id"]);
}

#[test]
fn routes_say_which_of_them_match_an_event_and_why_the_others_do_not() {
    let server = Server::with_starter();
    let control = first_control(&server);
    let route = |on: &str, more: Value| {
        let mut rule = json!({"on": on, "action": "open_task"});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    put(&server, "/v1/routes/all", &route("control_failed", json!({})));
    put(&server, "/v1/routes/other", &route("control_failed", json!({"framework": "soc2"})));
    put(&server, "/v1/routes/by-hand", &route("task_opened_by_hand", json!({})));
    server.post("/v1/evidence", &evidence(&control, "fail")).ok();
    status_becomes(&server, &control, "fail");
    let raised = server.get("/v1/events?type=ledger.control.observation_raised.v1").ok();
    let index = raised["items"][0]["index"].as_u64().unwrap_or_else(|| panic!("{raised}"));

    let explained = server.get(&format!("/v1/routes/explain/{index}")).ok();
    assert_eq!((&explained["on"], &explained["severity"]), (&json!("control_failed"), &json!("critical")));
    let verdicts: Vec<_> = explained["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|verdict| {
            (
                verdict["route"].as_str().unwrap(),
                verdict["matches"].as_bool().unwrap(),
                verdict["why_not"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        verdicts,
        [
            ("all", true, None),
            ("by-hand", false, Some("it acts on something else")),
            ("other", false, Some("it is for another framework")),
        ]
    );
    // The control: an event that no route acts on has no verdict.
    let none = server.get("/v1/routes/explain/0").ok();
    assert_eq!((none["on"].is_null(), none["routes"].as_array().unwrap().len()), (true, 0), "{none}");
}

#[test]
fn configurations_are_kept_compared_and_restored() {
    let server = Server::tenant();
    server
        .post("/v1/integrations", &json!({"id": "i", "kind": "own-thing", "adapter_version": "1.0.0"}))
        .ok();
    for project in ["A", "B"] {
        put(&server, "/v1/integrations/i/configuration", &json!({"config": {"project": project, "same": 1}}));
    }
    let kept = |configurations: usize| {
        wait_for("the configurations", || {
            let kept = server.get("/v1/integrations/i/configurations").ok();
            (kept["items"].as_array().unwrap().len() == configurations).then_some(kept)
        })
    };
    kept(2);
    let restored = server.post("/v1/integrations/i/configurations/1/restore", &json!({})).ok();
    assert_eq!(restored["id"], "i");
    let kept = kept(3);
    assert_eq!((&kept["items"][0]["version"], &kept["items"][0]["restores"]), (&json!(3), &json!(1)));
    assert_eq!(kept["items"][0]["config"], json!({"project": "A", "same": 1}));

    let compared = server.get("/v1/integrations/i/configurations/2").ok();
    let change = json!([{"pointer": "/project", "was": "A", "is": "B"}]);
    assert_eq!((&compared["against"], &compared["changes"]), (&json!(1), &change));
    let same = server.get("/v1/integrations/i/configurations/3?against=1").ok();
    assert_eq!(same["changes"], json!([]));

    let health = server.get("/v1/integrations/i/health").ok();
    assert_eq!((&health["state"], &health["parked"]), (&json!("registered"), &json!(0)));
}

/// The first JSON block of a guide.
fn configuration_of(guide: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides").join(guide);
    let text = std::fs::read_to_string(path).unwrap();
    let block = text.split("```json").nth(1).unwrap().split("```").next().unwrap();
    serde_json::from_str(block).unwrap()
}

#[test]
fn the_configurations_of_the_guides_fit() {
    let server = Server::tenant();
    for name in ["jira-token", "jira-hook", "sn-client", "sn-hook"] {
        put(&server, &format!("/v1/secrets/{name}"), &json!({"value": "a secret of the guide"}));
    }
    for (kind, guide) in [("jira", "connect-jira.md"), ("servicenow", "connect-servicenow.md")] {
        server.post("/v1/integrations", &json!({"id": kind, "kind": kind, "adapter_version": "0.1.0"})).ok();
        wait_for("the integration", || {
            (server.get(&format!("/v1/integrations/{kind}")).status == 200).then_some(())
        });
        let mut config = configuration_of(guide);
        let check = |config: &Value| {
            let path = format!("/v1/integrations/{kind}/configuration/validate");
            server.post(&path, &json!({"config": config}))
        };
        let fits = check(&config);
        assert_eq!((fits.status, &fits.json["fits"]), (200, &json!(true)), "{guide}: {}", fits.text);
        // The control: a mapping that makes no sense does not.
        config["adapter"]["statuses"]["open"] = json!({});
        assert_eq!(check(&config).status, 422, "{guide}");
    }
}

#[test]
fn the_command_line_does_what_the_api_does() {
    let server = Server::with_starter();
    let key = server.data().join("admin.key");
    let key = key.to_str().unwrap();
    // The operator's key: it acts for the tenant that is named.
    let tenant = server.get("/v1/whoami").ok()["tenant"].as_str().unwrap().to_owned();
    let run = |args: &[&str]| {
        let connection = ["--url", &server.url, "--key-file", key, "--tenant", &tenant];
        let output = super::server::ledger(&[args, &connection].concat());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, said, _) =
        run(&["routes", "set", "failures", "--framework", "starter", "--due-seconds", "60"]);
    assert_eq!((code, said.starts_with("set failures (event ")), (0, true), "{said}");
    let listed = wait_for("the route", || {
        let (_, listed, _) = run(&["routes", "list", "--json"]);
        let listed: Value = serde_json::from_str(&listed).unwrap();
        listed["items"].get(0).is_some().then_some(listed)
    });
    assert_eq!(
        (&listed["items"][0]["action"], &listed["items"][0]["due_seconds"]),
        (&json!("open_task"), &json!(60))
    );

    let (code, said, _) = run(&["tasks", "open", "Name an owner", "--severity", "critical"]);
    assert_eq!((code, said.starts_with("opened ")), (0, true), "{said}");
    let id = said.split(' ').nth(1).unwrap().to_owned();
    task(&server, &id, "open");
    assert_eq!(run(&["tasks", "cancel", &id, "--note", "a duplicate"]).0, 0);
    assert_eq!(task(&server, &id, "closed")["reason"], "cancelled");

    // What fails says what, where and how to mend, with 1; wrong usage is 2.
    let (code, said, wrong) = run(&["routes", "set", "x", "--on", "tuesday"]);
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(wrong.contains("/on"), "{wrong}");
    let (code, _, wrong) = run(&["integrations", "run", "no-such", "health"]);
    assert_eq!((code, wrong.contains("integration no-such")), (1, true), "{wrong}");
    assert_eq!(run(&["integrations", "run", "no-such", "dance"]).0, 2);
    assert_eq!(run(&["work", "show", "../whoami"]).0, 1);
}
