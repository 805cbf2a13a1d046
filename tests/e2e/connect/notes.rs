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

#[test]
fn a_name_stands_in_the_log_once_and_its_erasure_reaches_all_of_it() {
    const NAME: &str = "Robin Canary";
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    server.import_starter();
    both(&server, &vendors);
    // Even where whole requests and answers are kept.
    let mut config = super::stage::jira_config(&vendors);
    config["exchange_bodies"] = true.into();
    super::stage::put(&server, "/v1/integrations/jira/configuration", &json!({ "config": config })).ok();
    route(&server, "jira");
    server.post("/v1/evidence", &evidence(&first_control(&server), "fail")).ok();
    let ticket = wait_for("the ticket", || items(&server, "/v1/tickets?state=open").pop());
    let task = ticket["task"].as_str().unwrap().to_owned();
    let assign = |name: &str, subject: &str| {
        let body = json!({ "assignee": name, "subject": subject });
        server.post(&format!("/v1/tasks/{task}/assign"), &body).ok();
    };
    let told = |words: &str| {
        wait_for(words, || {
            vendors.jira.fake.issues()[0]["comments"].to_string().contains(words).then_some(())
        });
        wait_for("the end of the work", || {
            let work = items(&server, "/v1/intents?limit=1000");
            work.iter().all(|intent| intent["state"] == "succeeded").then_some(())
        });
    };
    let holders = || {
        let size = server.get("/v1/integrations").ok()["log_size"].as_u64().unwrap();
        let events = (0..size).map(|index| server.get(&format!("/v1/events/{index}")).ok());
        let holders = events.filter(|event| event.to_string().contains(NAME));
        holders
            .map(|event| event["header"]["type"].as_str().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assign(NAME, "person-1");
    told(NAME);
    assert_eq!(holders(), ["ledger.task.assigned.v1"]);
    server.post("/v1/subjects/person-1/erase", &json!({})).ok();
    assert_eq!(holders(), Vec::<String>::new());
    // Whoever is erased before it is sent is not named there at all.
    server.post("/v1/integrations/jira/pause", &json!({})).ok();
    wait_for("the pause", || (server.get("/v1/integrations/jira").ok()["state"] == "paused").then_some(()));
    assign("Alex Canary", "person-2");
    wait_for("the work", || items(&server, "/v1/intents?state=due").pop());
    server.post("/v1/subjects/person-2/erase", &json!({})).ok();
    server.post("/v1/integrations/jira/resume", &json!({})).ok();
    told("somebody whose data has been erased");
    assert!(!vendors.jira.fake.issues()[0].to_string().contains("Alex Canary"));
}
