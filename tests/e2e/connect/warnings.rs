//! What asks for attention at a connection, raised once and over when it is: silence, and tokens that end.

use ledger_fakes::jira::{Access, OAuthClient, Settings};
use ledger_fakes::servicenow;
use serde_json::{Value, json};

use super::super::server::{Server, ledger, wait_for};
use super::stage::{JIRA_TOKEN, SETTINGS, Vendors, integrate, jira_config, secret};

/// The alerts of one kind.
fn alerts(server: &Server, kind: &str) -> Vec<Value> {
    let alerts = server.get("/v1/alerts").ok();
    let alerts = alerts["items"].as_array().unwrap().iter();
    alerts.filter(|alert| alert["kind"] == kind).cloned().collect()
}

fn in_state(server: &Server, kind: &str, state: &str) -> Option<()> {
    alerts(server, kind).iter().any(|alert| alert["state"] == state).then_some(())
}

#[test]
fn an_integration_that_is_not_heard_of_is_told_of_once() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    secret(&server, "jira-token", "canary-wrong-token");
    let mut config = jira_config(&vendors);
    config["health_every_seconds"] = 1.into();
    config["request_timeout_ms"] = 500.into();
    integrate(&server, "jira", "jira", &config);
    wait_for("the silence", || in_state(&server, "integration_silent", "open"));
    secret(&server, "jira-token", JIRA_TOKEN);
    wait_for("the end of it", || in_state(&server, "integration_silent", "resolved"));
    let told = alerts(&server, "integration_silent");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["subject"], "integration-jira");
}

#[test]
fn a_code_is_exchanged_for_tokens_that_last() {
    let client = OAuthClient {
        id: "client-1".into(),
        secret: "canary-client-secret".into(),
        code: "canary-code".into(),
        life_seconds: 3_600,
    };
    let settings =
        Settings { access: Access { client: Some(client), ..Access::default() }, ..Settings::default() };
    let site = settings.cloud_id.clone();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in_with(dir.path(), &SETTINGS);
    let vendors = Vendors::with(settings, servicenow::Settings::default());
    secret(&server, "client-secret", "canary-client-secret");
    secret(&server, "jira-token", JIRA_TOKEN);
    let mut config = jira_config(&vendors);
    integrate(&server, "by-password", "jira", &config);
    config["base_url"] = format!("{}/ex/jira/{site}", vendors.jira.url()).into();
    config["auth"] = json!({ "oauth2": {
        "token_url": format!("{}/oauth/token", vendors.jira.url()), "client_id": "client-1",
        "client_secret": { "secret": "client-secret" }, "grant": "authorization_code", "style": "json",
    } });
    config["health_every_seconds"] = 1.into();
    integrate(&server, "jira", "jira", &config);
    wait_for("the alert that nobody has authorised it", || in_state(&server, "token_expired", "open"));
    let authorise = |id: &str, code: &str| {
        let body = json!({ "code": code, "redirect_uri": "https://ledger.example/callback", "code_verifier": "canary-verifier" });
        server.post(&format!("/v1/integrations/{id}/authorise"), &body)
    };
    let refused = authorise("jira", "another-code");
    assert_eq!((refused.status, refused.problem()), (422, "invalid"), "{}", refused.text);
    assert_eq!(authorise("by-password", "canary-code").status, 409);
    assert_eq!(authorise("none", "canary-code").status, 404);
    // By the command line, from a file.
    let (code, verifier) = (server.data().join("code"), server.data().join("verifier"));
    std::fs::write(&code, "canary-code\n").unwrap();
    std::fs::write(&verifier, "canary-verifier\n").unwrap();
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (code, verifier, key) = (path(&code), path(&verifier), path(&server.data().join("admin.key")));
    let words = ["integrations", "authorise", "jira", &code, "--verifier", &verifier, "--redirect-uri"];
    let rest = ["https://ledger.example/callback", "--url", &server.url, "--key-file", &key, "--json"];
    let output = ledger(&[&words[..], &rest[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(kept["renewed"], true, "{kept}");
    assert!(kept["expires_at"].is_string() && kept.to_string().find("access-token").is_none(), "{kept}");
    let told = || server.get("/v1/events?type=ledger.integration.authorised.v1").ok();
    let authorised = || told()["items"].as_array().map(Vec::len).filter(|events| *events > 0);
    assert_eq!(wait_for("who did it, in the log", authorised), 1);
    wait_for("the end of the alert", || in_state(&server, "token_expired", "resolved"));
    assert_eq!(alerts(&server, "token_expired").len(), 1);
    // The tokens outlive the server.
    server.kill();
    let server = Server::start_in_with(dir.path(), &SETTINGS);
    let health = server.post("/v1/integrations/jira/runs/now", &json!({ "what": "health" })).ok();
    assert_eq!(health["whole"], true, "{health}");
}
