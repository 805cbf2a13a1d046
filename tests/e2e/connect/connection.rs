//! A connection: configured by what fits alone, looked at, degraded with what to do about it, mended.

use ledger_fakes::{Fault, Rule};
use serde_json::{Value, json};

use super::super::server::{Server, wait_for};
use super::stage::{JIRA_TOKEN, SETTINGS, Vendors, both, degraded, integrate, jira_config, put, secret};

fn health(server: &Server, id: &str) -> Value {
    server.post(&format!("/v1/integrations/{id}/runs/now"), &json!({ "what": "health" })).ok()
}

#[test]
fn what_does_not_fit_is_named_before_it_is_in_force() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    secret(&server, "jira-token", JIRA_TOKEN);
    server
        .post("/v1/integrations", &json!({ "id": "jira", "kind": "jira", "adapter_version": "0.1.0" }))
        .ok();
    let mut config = jira_config(&vendors);
    config["auth"]["basic"]["password"]["secret"] = "no-such-secret".into();
    config["adapter"]["page_size"] = 0.into();
    config["allow_networks"] = json!(["10.0.0.0/8"]);
    wait_for("the integration", || (server.get("/v1/integrations/jira").status == 200).then_some(()));
    let refused = put(&server, "/v1/integrations/jira/configuration", &json!({ "config": config }));
    assert_eq!((refused.status, refused.problem()), (422, "invalid"));
    let pointers: Vec<&str> = refused.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect();
    for expected in
        ["/config/auth/basic/password/secret", "/config/adapter/page_size", "/config/allow_networks/0"]
    {
        assert!(pointers.contains(&expected), "{expected}: {}", refused.text);
    }
    let fits = json!({ "config": jira_config(&vendors) });
    server.post("/v1/integrations/jira/configuration/validate", &fits).ok();
    assert!(
        server.get("/v1/integrations/jira").ok()["config_version"].is_null(),
        "a check puts nothing in force"
    );
}

#[test]
fn a_wrong_credential_is_told_and_mended() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    both(&server, &vendors);
    let found = health(&server, "jira");
    assert_eq!(found["whole"], true, "{found}");
    assert!(found["health"]["account"].is_string(), "{found}");
    secret(&server, "jira-token", "canary-wrong-token");
    let found = health(&server, "jira");
    assert_eq!(found["whole"], false, "{found}");
    assert!(found["problem"].as_str().unwrap().contains("renew the credential"), "{found}");
    wait_for("the degradation", || degraded(&server, "jira").filter(|reason| reason == "unauthorized"));
    let alert = wait_for("the alert", || {
        let alerts = server.get("/v1/alerts").ok();
        let mut alerts = alerts["items"].as_array().unwrap().iter();
        alerts.find(|alert| alert["kind"] == "integration_degraded").cloned()
    });
    assert_eq!(alert["subject"], "integration-jira", "{alert}");
    assert_eq!(degraded(&server, "servicenow"), None, "the other one is well");
    secret(&server, "jira-token", JIRA_TOKEN);
    assert_eq!(health(&server, "jira")["whole"], true);
    wait_for("the recovery", || degraded(&server, "jira").is_none().then_some(()));
    // No secret stands anywhere in the data directory, whatever it was called.
    let found = files_with(&server.data(), &[JIRA_TOKEN, "canary-wrong-token"]);
    assert!(found.is_empty(), "{found:?}");
}

/// The files below a folder that hold one of the words.
fn files_with(folder: &std::path::Path, words: &[&str]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, words));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let holds = |word: &&str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
            if words.iter().any(holds) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn an_unreachable_system_degrades_its_integration_alone() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    secret(&server, "jira-token", JIRA_TOKEN);
    let mut config = jira_config(&vendors);
    // A port that nobody listens on.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    config["base_url"] = format!("http://127.0.0.1:{closed}").into();
    config["allow_ports"] = json!([closed]);
    integrate(&server, "jira", "jira", &config);
    for _ in 0..3 {
        assert_eq!(health(&server, "jira")["whole"], false);
    }
    wait_for("the degradation", || degraded(&server, "jira").filter(|reason| reason == "unreachable"));
}

#[test]
fn another_configuration_does_not_push_what_is_down() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    secret(&server, "jira-token", JIRA_TOKEN);
    let mut config = jira_config(&vendors);
    config["breaker"] = json!({ "failures": 1, "open_seconds": 600, "open_seconds_max": 600 });
    integrate(&server, "jira", "jira", &config);
    vendors.jira.faults.add(Rule { times: 1, ..Rule::next("GET", "", Fault::Refuse(503)) });
    wait_for("the failure", || {
        let found = health(&server, "jira");
        found["problem"].as_str().is_some_and(|problem| problem.contains("was down")).then_some(())
    });
    let reach = |config: &Value, version: u64| {
        put(&server, "/v1/integrations/jira/configuration", &json!({ "config": config })).ok();
        wait_for("the configuration", || {
            (server.get("/v1/integrations/jira").ok()["config_version"] == version).then_some(())
        });
        health(&server, "jira")
    };
    config["concurrency"] = 2.into();
    let found = reach(&config, 2);
    assert!(found["problem"].as_str().is_some_and(|problem| problem.contains("was down")), "{found}");
    // Control: another address is another matter.
    config["base_url"] = format!("http://127.0.0.1:{}/", vendors.jira.address.port()).into();
    assert_eq!(reach(&config, 3)["whole"], true);
}

#[test]
fn messages_that_nobody_signed_are_not_taken() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    secret(&server, "hook", "It's a Secret to Everybody");
    secret(&server, "jira-token", JIRA_TOKEN);
    let mut config = jira_config(&vendors);
    config["inbound"] = json!({ "secrets": [{ "secret": "hook" }] });
    integrate(&server, "jira", "jira", &config);
    wait_for("the integration to work", || {
        (server.get("/v1/integrations/jira").ok()["state"] == "enabled").then_some(())
    });
    let body = r#"{"webhookEvent":"jira:issue_updated","timestamp":1,"issue":{"id":"1"}}"#;
    let deliver = |path: &str, headers: &[(&str, &str)]| {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        server.raw("POST", path, &headers, Some(body.as_bytes())).status
    };
    let mac = "sha256=0000000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(deliver("/v1/inbound/jira", &[]), 401);
    assert_eq!(deliver("/v1/inbound/jira", &[("x-hub-signature", mac)]), 401);
    assert_eq!(deliver("/v1/inbound/no-such", &[("x-hub-signature", mac)]), 404);
    let good = hub_signature("It's a Secret to Everybody", body);
    assert_eq!(
        deliver("/v1/inbound/jira", &[("x-hub-signature", &good)]),
        202,
        "control: a signed one is taken"
    );
}

/// A message's signature as Jira makes it.
pub fn hub_signature(secret: &str, body: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}
