//! What happens to a task reaches its tickets: who is to do it, what else was found, where to look, and that an accepted
//! risk has ended.

use serde_json::{Value, json};

use super::super::bad_input::first_control;
use super::super::server::{Server, evidence, time, wait_for};
use super::stage::{SETTINGS, Vendors, both, route};

fn items(server: &Server, path: &str) -> Vec<Value> {
    server.get(path).ok()["items"].as_array().unwrap().clone()
}

#[test]
fn tickets_are_told_and_opened_again_when_an_accepted_risk_ends() {
    let settings = [SETTINGS[0], ("LEDGER_SERVER_PUBLIC_URL", "https://ledger.example.org")];
    let (server, vendors) = (Server::start_with(&settings), Vendors::start());
    server.import_starter();
    both(&server, &vendors);
    route(&server, "jira");
    let control = first_control(&server);
    server.post("/v1/evidence", &evidence(&control, "fail")).ok();
    let open = || items(&server, "/v1/tickets?state=open");
    let ticket = wait_for("the ticket", || open().pop());
    let task = ticket["task"].as_str().unwrap().to_owned();
    // It says where to look.
    let issue = || vendors.jira.fake.issues().remove(0);
    let page = format!("https://ledger.example.org/frameworks/starter/{control}");
    assert!(issue().to_string().contains(&page), "{}", issue());
    let notes = |word: &str| {
        let comments = issue()["comments"].clone();
        comments.as_array().unwrap().iter().filter(|comment| comment.to_string().contains(word)).count()
    };
    server.post(&format!("/v1/tasks/{task}/assign"), &json!({ "assignee": "Kim Example" })).ok();
    wait_for("the assignee", || (notes("Kim Example") == 1).then_some(()));
    let more = evidence(&control, "fail");
    server.post("/v1/evidence", &more).ok();
    let named = more["id"].as_str().unwrap();
    wait_for("the new evidence", || (notes(named) == 1).then_some(()));
    // The risk is accepted for a moment; then it is to be done again, in the same ticket.
    let close = json!({ "reason": "accepted_risk", "until": time(3), "note": "until the migration" });
    server.post(&format!("/v1/tasks/{task}/close"), &close).ok();
    wait_for("the issue to be closed", || (issue()["fields"]["status"]["name"] == "Done").then_some(()));
    wait_for("the issue to be open again", || (issue()["fields"]["status"]["name"] == "To Do").then_some(()));
    wait_for("the ticket to be kept in step again", || {
        open().iter().any(|ticket| ticket["status"] == "open" && ticket["sending"].is_null()).then_some(())
    });
    assert_eq!(server.get(&format!("/v1/tasks/{task}")).ok()["state"], "open");
    assert_eq!((vendors.jira.fake.counts().issues, notes("Kim Example"), notes(named)), (1, 1, 1));
}
