//! What people see and decide: the request before it is sent, a ticket with both sides, the exchanges behind it.

use serde_json::{Value, json};

use super::super::server::{Server, wait_for};
use super::stage::{JIRA_TOKEN, SERVICENOW_PASSWORD, SETTINGS, Vendors, both, put};

#[test]
fn a_dry_run_shows_the_request_and_opens_nothing() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    both(&server, &vendors);
    for (id, path, member) in [
        ("jira", "/rest/api/3/issue", "summary"),
        ("servicenow", "/api/now/v2/table/incident", "short_description"),
    ] {
        wait_for("the integration to be enabled", || {
            (server.get(&format!("/v1/integrations/{id}")).ok()["state"] == "enabled").then_some(())
        });
        let shown = server.post(&format!("/v1/integrations/{id}/dry-run"), &json!({ "title": "A dry run" }));
        let text = shown.text.clone();
        let shown = shown.ok();
        let url = shown["url"].as_str().unwrap();
        assert!(shown["method"] == "POST" && url.contains(path), "{text}");
        let body = shown["body"].as_str().unwrap();
        assert!(body.contains(member) && body.contains("A dry run"), "{body}");
        let told = |secret: &str| text.contains(secret) || text.contains(&ledger::b64::encode(secret));
        assert!(!told(JIRA_TOKEN) && !told(SERVICENOW_PASSWORD), "a credential is shown: {text}");
    }
    assert_eq!((vendors.jira.fake.issues().len(), vendors.servicenow.fake.counts().records), (0, 0));
}

#[test]
fn a_ticket_shows_both_sides_its_story_and_its_exchanges() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    both(&server, &vendors);
    let rule = json!({ "on": "task_opened_by_hand", "action": "open_ticket", "integration": "jira" });
    put(&server, "/v1/routes/by-hand", &rule).ok();
    wait_for("the route", || server.get("/v1/routes").ok()["items"].get(0).cloned());
    let task = server.post("/v1/tasks", &json!({ "title": "Look at it", "severity": "warning" })).ok();
    let ticket = wait_for("the ticket", || {
        let shown = server.get(&format!("/v1/tasks/{}", task["id"].as_str().unwrap()));
        shown.json["ticket_rows"].get(0).filter(|ticket| ticket["state"] == "open").cloned()
    });
    let id = ticket["ticket"].as_str().unwrap();
    let shown = server.get(&format!("/v1/tickets/{id}")).ok();
    assert_eq!((&shown["ours"]["title"], &shown["conflict_rows"]), (&json!("Look at it"), &json!([])));
    assert!(shown["remote"]["key"].as_str().unwrap().starts_with("SEC-"), "{shown}");
    let types: Vec<&str> =
        shown["timeline"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types.last(), Some(&"ledger.ticket.requested.v1"));
    assert!(types.contains(&"ledger.ticket.opened.v1"), "{types:?}");

    let work = server.get("/v1/intents?state=succeeded").ok()["items"][0].clone();
    let work = server.get(&format!("/v1/intents/{}", work["intent"].as_str().unwrap())).ok();
    let sent = work["exchanges"].as_array().unwrap();
    let post = |exchange: &&Value| exchange["method"] == "POST" && exchange["status"] == 201;
    let sent = sent.iter().find(post).unwrap_or_else(|| panic!("{work}"));
    let exchange = server.get(&format!("/v1/exchanges/{}", sent["exchange"].as_str().unwrap())).ok();
    assert!(exchange["url"].as_str().unwrap().ends_with("/rest/api/3/issue"), "{exchange}");
    assert!(!exchange.to_string().contains(&ledger::b64::encode(format!("ledger@example.org:{JIRA_TOKEN}"))));
    // What is done is not taken back, and what is there is not waived.
    let cancelled =
        server.post(&format!("/v1/intents/{}/cancel", work["intent"].as_str().unwrap()), &json!({}));
    assert_eq!(cancelled.status, 409, "{}", cancelled.text);
    assert_eq!(server.post(&format!("/v1/tickets/{id}/recreate"), &json!({})).status, 409);
}
