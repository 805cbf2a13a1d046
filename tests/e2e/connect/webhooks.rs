//! Messages that the ledger registers for itself at Jira: made, renewed before they end, believed by their token alone, and
//! ended when the integration stands still.

use ledger_fakes::jira::{Access, OAuthClient, Settings};
use ledger_fakes::servicenow;
use serde_json::{Value, json};

use super::super::bad_input::first_control;
use super::super::server::{Server, evidence, wait_for};
use super::stage::{SETTINGS, Vendors, both, integrate, jira_config, put, route, secret, servicenow_config};

const PUBLIC: &str = "https://ledger.example.org";
const CLIENT_SECRET: &str = "canary-client-secret";

fn vendors() -> (Vendors, String) {
    let client = OAuthClient {
        id: "client-1".into(),
        secret: CLIENT_SECRET.into(),
        code: "canary-code".into(),
        life_seconds: 3_600,
    };
    let settings =
        Settings { access: Access { client: Some(client), ..Access::default() }, ..Settings::default() };
    let site = settings.cloud_id.clone();
    (Vendors::with(settings, servicenow::Settings::default()), site)
}

/// Through the gateway as an app, with messages that it registers and looks after each second.
fn config(vendors: &Vendors, site: &str) -> Value {
    let mut config = jira_config(vendors);
    config["base_url"] = format!("{}/ex/jira/{site}", vendors.jira.url()).into();
    config["auth"] = json!({ "oauth2": {
        "token_url": format!("{}/oauth/token", vendors.jira.url()), "client_id": "client-1",
        "client_secret": { "secret": "client-secret" }, "grant": "authorization_code", "style": "json",
    } });
    config["inbound"] = json!({
        "scheme": "bearer_jwt", "secrets": [{ "secret": "client-secret" }], "register": { "every_seconds": 1 },
    });
    config
}

fn start() -> (Server, Vendors, Value) {
    let server = Server::start_with(&[SETTINGS[0], ("LEDGER_SERVER_PUBLIC_URL", PUBLIC)]);
    let (vendors, site) = vendors();
    secret(&server, "client-secret", CLIENT_SECRET);
    let config = config(&vendors, &site);
    (server, vendors, config)
}

fn authorised(server: &Server, id: &str, config: &Value) {
    integrate(server, id, "jira", config);
    let body = json!({ "code": "canary-code", "redirect_uri": "https://ledger.example/callback" });
    server.post(&format!("/v1/integrations/{id}/authorise"), &body).ok();
}

fn registered(vendors: &Vendors, id: &str) -> Option<()> {
    let expected = format!("{PUBLIC}/v1/inbound/{id}");
    let webhooks = vendors.jira.fake.webhooks();
    (webhooks.len() == 1 && webhooks[0].0 == expected).then_some(())
}

fn act(server: &Server, id: &str, what: &str) {
    server.post(&format!("/v1/integrations/{id}/{what}"), &json!({})).ok();
}

#[test]
fn a_registration_is_made_renewed_and_ended() {
    let (server, vendors, config) = start();
    authorised(&server, "jira", &config);
    wait_for("the registration", || registered(&vendors, "jira"));
    let end = wait_for("its end in the health", || {
        server.get("/v1/integrations/jira/health").ok()["webhooks"]["expires_at"].as_str().map(str::to_owned)
    });
    // What was sent for it stands in the log, as whose it was.
    let exchanges = server.get("/v1/exchanges?integration=jira&limit=1000").ok();
    let exchanges = exchanges["items"].as_array().unwrap();
    let of = |method: &str, path: &str| {
        exchanges.iter().any(|exchange| {
            let url = exchange["url"].as_str().unwrap_or_default();
            exchange["method"] == method && url.ends_with(path) && exchange["run"].is_string()
        })
    };
    assert!(of("POST", "/rest/api/3/webhook"), "{exchanges:?}");
    // Twenty-five of thirty days pass, then twenty-nine: it is renewed in between, or it would be gone.
    vendors.jira.fake.days_pass(25);
    wait_for("the renewal", || (vendors.jira.fake.webhooks()[0].1 == 30).then_some(()));
    vendors.jira.fake.days_pass(29);
    wait_for("the next", || (vendors.jira.fake.webhooks().first()?.1 == 30).then_some(()));
    assert!(server.get("/v1/integrations/jira/health").ok()["webhooks"]["expires_at"].as_str() >= Some(&end));
    // Somebody removes it over there.
    vendors.jira.fake.days_pass(30);
    assert!(vendors.jira.fake.webhooks().is_empty());
    wait_for("another", || registered(&vendors, "jira"));
    act(&server, "jira", "pause");
    wait_for("its end while the integration stands still", || {
        vendors.jira.fake.webhooks().is_empty().then_some(())
    });
    act(&server, "jira", "resume");
    wait_for("another when it goes on", || registered(&vendors, "jira"));
    // A configuration that does not ask for it ends it.
    let mut by_hand = config.clone();
    by_hand["inbound"]["register"] = Value::Null;
    put(&server, "/v1/integrations/jira/configuration", &json!({ "config": by_hand })).ok();
    wait_for("its end when it is not asked for", || vendors.jira.fake.webhooks().is_empty().then_some(()));
    put(&server, "/v1/integrations/jira/configuration", &json!({ "config": config })).ok();
    wait_for("another when it is", || registered(&vendors, "jira"));
    act(&server, "jira", "retire");
    wait_for("its end with the integration", || vendors.jira.fake.webhooks().is_empty().then_some(()));
}

#[test]
fn a_message_is_believed_by_its_token_and_a_forged_one_is_not() {
    let (server, vendors, config) = start();
    server.import_starter();
    authorised(&server, "jira", &config);
    wait_for("the registration", || registered(&vendors, "jira"));
    route(&server, "jira");
    server.post("/v1/evidence", &evidence(&first_control(&server), "fail")).ok();
    let ticket = || server.get("/v1/tickets?state=open").ok()["items"][0].clone();
    wait_for("the ticket", || ticket()["ticket"].is_string().then_some(()));
    let issue = vendors.jira.fake.issues()[0]["id"].as_str().unwrap().to_owned();
    let mut last = Vec::new();
    for status in ["In Progress", "In Review", "Done"] {
        let (moved, messages) = vendors.jira.fake.human_transition(&issue, status, "a person");
        assert!(moved);
        last = messages;
    }
    let message = last.remove(0);
    assert_eq!(message.url, format!("{PUBLIC}/v1/inbound/jira"));
    let deliver = |authorization: Option<&str>| {
        let headers = message.headers.iter().filter(|(name, _)| name != "authorization").cloned();
        let given = authorization.map(|value| ("authorization".to_owned(), value.to_owned()));
        let headers: Vec<(String, String)> = headers.chain(given).collect();
        server.raw("POST", "/v1/inbound/jira", &headers, Some(&message.body)).status
    };
    let token = message.headers.iter().find(|(name, _)| name == "authorization").unwrap().1.clone();
    let (signed, mac) = token.rsplit_once('.').unwrap();
    let (head, claims) = signed.rsplit_once('.').unwrap();
    // {"alg":"none"}, in base64url.
    let unsigned = format!("Bearer eyJhbGciOiJub25lIn0.{claims}.");
    let other = mac.chars().rev().collect::<String>();
    for forged in [None, Some(unsigned), Some(format!("{signed}.{other}")), Some(format!("{head}.e30.{mac}"))]
    {
        assert_eq!(deliver(forged.as_deref()), 401, "{forged:?}");
    }
    assert_ne!(ticket()["claimed"], true, "nobody has polled");
    assert_eq!(deliver(Some(&token)), 202, "control: the true one is taken");
    wait_for("what it hints at", || (ticket()["claimed"] == true).then_some(()));
}

#[test]
fn a_registration_that_fails_is_told_of_until_it_is_made() {
    let (server, vendors, config) = start();
    authorised(&server, "jira", &config);
    wait_for("the registration", || registered(&vendors, "jira"));
    // One app has one address there: a second integration needs an app of its own.
    authorised(&server, "second", &config);
    let alert = |state: &str| {
        let alerts = server.get("/v1/alerts").ok();
        let mut alerts = alerts["items"].as_array().unwrap().clone();
        alerts.retain(|alert| alert["kind"] == "webhooks_failing" && alert["state"] == state);
        alerts.pop()
    };
    let told = wait_for("the alert", || alert("open"));
    assert_eq!(told["subject"], "integration-second", "{told}");
    let said = server.post("/v1/integrations/second/runs/now", &json!({ "what": "subscribe" })).ok();
    let problem = said["problem"].as_str().unwrap();
    assert!(problem.contains("single URL") && problem.contains("an OAuth app of its own"), "{said}");
    assert!(registered(&vendors, "jira").is_some(), "the first one is left alone");
    act(&server, "jira", "retire");
    wait_for("the second one's turn", || registered(&vendors, "second"));
    wait_for("the end of the alert", || alert("resolved"));
}

#[test]
fn what_cannot_register_is_told_so_before_it_is_in_force() {
    let server = Server::start_with(&SETTINGS);
    let (vendors, site) = vendors();
    both(&server, &vendors);
    secret(&server, "client-secret", CLIENT_SECRET);
    let refused = |id: &str, config: &Value| {
        let path = format!("/v1/integrations/{id}/configuration");
        let answer = put(&server, &path, &json!({ "config": config }));
        assert_eq!((answer.status, answer.problem()), (422, "invalid"), "{}", answer.text);
        assert_eq!(answer.json["errors"][0]["pointer"], "/config/inbound/register", "{}", answer.text);
        answer.text
    };
    let text = refused("jira", &config(&vendors, &site));
    assert!(text.contains("LEDGER_SERVER_PUBLIC_URL"), "{text}");
    let mut config = servicenow_config(&vendors);
    config["inbound"] =
        json!({ "secrets": [{ "secret": "client-secret" }], "register": { "every_seconds": 60 } });
    let text = refused("servicenow", &config);
    assert!(text.contains("by hand"), "{text}");
}
