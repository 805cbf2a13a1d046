//! From failed evidence to a ticket in each system, and back.

use serde_json::{Value, json};

use super::super::bad_input::first_control;
use super::super::server::{Server, evidence, wait_for};
use super::stage::{SETTINGS, Vendors, both, route};

/// A ledger whose failed controls open tickets in both fakes, and the control.
fn staged() -> (Server, Vendors, String) {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    server.import_starter();
    both(&server, &vendors);
    route(&server, "jira");
    route(&server, "servicenow");
    let control = first_control(&server);
    (server, vendors, control)
}

fn submit(server: &Server, control: &str, result: &str) {
    server.post("/v1/evidence", &evidence(control, result)).ok();
}

fn tickets(server: &Server, state: &str) -> Vec<Value> {
    let list = server.get(&format!("/v1/tickets?state={state}")).ok();
    list["items"].as_array().unwrap().clone()
}

fn poll(server: &Server, integration: &str) {
    server.post(&format!("/v1/integrations/{integration}/runs/now"), &json!({ "what": "poll" })).ok();
}

#[test]
fn a_failed_control_becomes_one_ticket_in_each_system_and_closes_on_evidence() {
    let (server, vendors, control) = staged();
    submit(&server, &control, "fail");
    submit(&server, &control, "fail");
    wait_for("the tickets", || (tickets(&server, "open").len() == 2).then_some(()));
    let issues = vendors.jira.fake.issues();
    assert_eq!((issues.len(), vendors.servicenow.fake.counts().records), (1, 1));
    assert!(issues[0]["fields"]["description"].to_string().contains(&control), "{}", issues[0]);
    // Somebody works on it there, and says that it is done: a claim, which closes nothing.
    let id = issues[0]["id"].as_str().unwrap();
    for status in ["In Progress", "In Review", "Done"] {
        assert!(vendors.jira.fake.human_transition(id, status, "a person").0);
    }
    wait_for("the claim", || {
        poll(&server, "jira");
        tickets(&server, "open").iter().any(|ticket| ticket["claimed"] == true).then_some(())
    });
    assert_eq!(server.get(&format!("/v1/controls/starter/{control}")).ok()["status"], "fail");
    // Evidence closes it, on both sides.
    submit(&server, &control, "pass");
    let closed = || vendors.servicenow.fake.records("incident")[0]["state"] == "7";
    wait_for("the record to be closed", || closed().then_some(()));
    wait_for("the tickets to be over", || (tickets(&server, "over").len() == 2).then_some(()));
    assert_eq!((vendors.jira.fake.issues().len(), vendors.servicenow.fake.counts().records), (1, 1));
}

#[test]
fn an_unknown_field_parks_the_work_and_a_replay_carries_it_out() {
    let (server, vendors, control) = staged();
    let mut config = super::stage::jira_config(&vendors);
    config["adapter"]["fields"] = json!({ "priority": { "name": "No such priority" } });
    super::stage::put(&server, "/v1/integrations/jira/configuration", &json!({ "config": config })).ok();
    submit(&server, &control, "fail");
    let parked = wait_for("the parked work", || {
        let list = server.get("/v1/intents?state=parked").ok();
        list["items"].as_array().unwrap().iter().find(|intent| intent["integration"] == "jira").cloned()
    });
    assert_eq!(parked["reason"], "needs_configuration", "{parked}");
    assert!(parked["detail"]["offered"].as_array().unwrap().contains(&json!("High")), "{parked}");
    assert_eq!(vendors.jira.fake.counts().issues, 0);
    wait_for("the other system's ticket", || (vendors.servicenow.fake.counts().records == 1).then_some(()));
    // What would be sent can be seen before it is.
    let mended = json!({ "config": super::stage::jira_config(&vendors) });
    super::stage::put(&server, "/v1/integrations/jira/configuration", &mended).ok();
    let intent = parked["intent"].as_str().unwrap();
    let shown = server.get(&format!("/v1/intents/{intent}/preview")).ok();
    assert_eq!(
        (&shown["method"], &shown["headers"]["authorization"]),
        (&json!("GET"), &json!("[redacted]")),
        "{shown}"
    );
    assert_eq!(vendors.jira.fake.counts().issues, 0, "a preview sends nothing");
    let rehearsed = wait_for("a dry run in the mended configuration", || {
        let answer = server.post(&format!("/v1/intents/{intent}/dry-run"), &json!({}));
        (answer.status == 200).then_some(answer.json)
    });
    let reads = rehearsed["reads"].as_array().unwrap();
    assert!(!reads.is_empty() && reads.iter().all(|read| read["method"] == "GET"), "{rehearsed}");
    let change = &rehearsed["change"];
    assert!(change["method"] == "POST" && change["body"].as_str().unwrap().contains(&control), "{rehearsed}");
    assert_eq!(vendors.jira.fake.counts().issues, 0, "and a dry run changes nothing");
    let replayed = server.post("/v1/integrations/jira/intents/replay", &json!({})).ok();
    assert_eq!(replayed["replayed"], 1);
    wait_for("the ticket", || (vendors.jira.fake.counts().issues == 1).then_some(()));
}

#[test]
fn a_system_that_hangs_delays_no_other() {
    let (server, vendors, control) = staged();
    // Every request to ServiceNow hangs, longer than the test may take.
    let hang = ledger_fakes::Rule {
        method: None,
        path: String::new(),
        skip: 0,
        times: 1_000,
        fault: ledger_fakes::Fault::Hang,
    };
    vendors.servicenow.faults.add(hang);
    let watch = ledger::clock::Stopwatch::start();
    submit(&server, &control, "fail");
    wait_for("the ticket in Jira", || (vendors.jira.fake.counts().issues == 1).then_some(()));
    // The other one's requests are given up after two seconds at the earliest.
    assert!(watch.elapsed().as_millis() < 2_000, "{:?}", watch.elapsed());
    wait_for("Jira's ticket to be known", || (tickets(&server, "open").len() == 1).then_some(()));
    assert_eq!(tickets(&server, "opening").len(), 1, "ServiceNow's waits");
    vendors.servicenow.faults.clear();
    wait_for("the ticket in ServiceNow", || (tickets(&server, "open").len() == 2).then_some(()));
    assert_eq!(vendors.servicenow.fake.counts().records, 1);
}

#[test]
fn a_signed_message_is_a_hint_and_the_ticket_is_read() {
    let (server, vendors, control) = staged();
    super::stage::secret(&server, "hook", "a secret of both sides");
    let mut config = super::stage::jira_config(&vendors);
    config["inbound"] = json!({ "secrets": [{ "secret": "hook" }] });
    super::stage::put(&server, "/v1/integrations/jira/configuration", &json!({ "config": config })).ok();
    submit(&server, &control, "fail");
    wait_for("the tickets", || (tickets(&server, "open").len() == 2).then_some(()));
    let issue = vendors.jira.fake.issues().remove(0);
    let id = issue["id"].as_str().unwrap();
    assert!(vendors.jira.fake.human_transition(id, "In Progress", "a person").0);
    // What the message says is not believed: it claims another status than the ticket has.
    let body = json!({
        "webhookEvent": "jira:issue_updated", "timestamp": 1, "issue": { "id": id, "fields": { "status": { "name": "Done" } } },
    })
    .to_string();
    let deliver = || {
        let headers = [
            ("x-hub-signature".to_owned(), super::connection::hub_signature("a secret of both sides", &body)),
            ("x-atlassian-webhook-identifier".to_owned(), "delivery-1".to_owned()),
        ];
        server.raw("POST", "/v1/inbound/jira", &headers, Some(body.as_bytes())).status
    };
    assert_eq!((deliver(), deliver()), (202, 202));
    wait_for("the status", || {
        let list = server.get("/v1/tickets").ok();
        let mut items = list["items"].as_array().unwrap().iter();
        items.find(|ticket| ticket["integration"] == "jira" && ticket["status"] == "in_progress").map(drop)
    });
    let intents = server.get("/v1/intents").ok();
    let mut reads = intents["items"].as_array().unwrap().iter().filter(|intent| intent["kind"] == "read");
    let (read, other) = (reads.next().unwrap(), reads.next());
    assert!(other.is_none(), "two deliveries of one message are one hint: {intents}");
    // The message is kept with what it caused.
    let read = server.get(&format!("/v1/intents/{}", read["intent"].as_str().unwrap())).ok();
    assert!(read.to_string().contains("payload"), "{read}");
    assert_eq!(read["payload"]["message"]["body"]["text"], body, "{read}");
}

/// Edits of each side.
const EDITS: usize = 25;

#[test]
fn rapid_edits_of_both_sides_reach_a_fixed_point_with_few_writes() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    server.import_starter();
    both(&server, &vendors);
    let rule =
        json!({ "on": "control_failed", "action": "open_ticket", "integration": "jira", "conflict": "ours" });
    super::stage::put(&server, "/v1/routes/to-jira", &rule).ok();
    submit(&server, &first_control(&server), "fail");
    let ticket = wait_for("the ticket", || tickets(&server, "open").first().cloned());
    let issue = vendors.jira.fake.issues().remove(0)["id"].as_str().unwrap().to_owned();
    let task = format!("/v1/tasks/{}", ticket["task"].as_str().unwrap());
    let before = vendors.jira.fake.counts().writes;
    for n in 0..EDITS {
        let title = json!({ "title": format!("ours {n}") }).to_string();
        server.request("PATCH", &task, Some(&server.admin), Some(title.as_bytes())).ok();
        vendors.jira.fake.human_edit(&issue, json!({ "summary": format!("theirs {n}") }), "a person");
        if n % 5 == 0 {
            poll(&server, "jira");
        }
    }
    let summary = || vendors.jira.fake.issues()[0]["fields"]["summary"].as_str().unwrap().to_owned();
    let title = || server.get(&task).ok()["title"].as_str().unwrap_or_default().to_owned();
    wait_for("both sides to agree", || {
        poll(&server, "jira");
        let open = ["due", "running", "uncertain", "parked"].iter().map(|state| {
            server.get(&format!("/v1/intents?state={state}")).ok()["items"].as_array().unwrap().len()
        });
        // The ticket hears of an intent's end a moment after it.
        let settled = open.sum::<usize>() == 0 && tickets(&server, "open")[0]["sending"].is_null();
        (settled && summary() == title()).then_some(())
    });
    let writes = vendors.jira.fake.counts().writes - before;
    assert!(writes <= EDITS, "{writes} writes for {EDITS} edits of ours: what is read causes no write");
    // It is a fixed point: reading again changes nothing on either side.
    let (agreed, events) =
        (summary(), server.get("/v1/events?category=ticket&limit=1").ok()["items"][0].clone());
    for _ in 0..3 {
        poll(&server, "jira");
    }
    assert_eq!((summary(), title()), (agreed.clone(), agreed));
    assert_eq!(vendors.jira.fake.counts().writes - before, writes, "no echo");
    assert_eq!(server.get("/v1/events?category=ticket&limit=1").ok()["items"][0], events);
    println!("{EDITS} edits of each side: {writes} writes");
}

#[test]
fn a_reconciliation_finds_what_no_poll_shows() {
    let (server, vendors, control) = staged();
    submit(&server, &control, "fail");
    wait_for("the tickets", || (tickets(&server, "open").len() == 2).then_some(()));
    let id = vendors.jira.fake.issues()[0]["id"].as_str().unwrap().to_owned();
    vendors.jira.fake.human_delete(&id, "a person");
    poll(&server, "jira");
    assert_eq!(tickets(&server, "open").len(), 2, "control: what is not there is in no list of changes");
    let ran = server.post("/v1/integrations/jira/runs/now", &json!({ "what": "reconcile" })).ok();
    assert_eq!(ran["whole"], true, "{ran}");
    wait_for("the missing ticket", || (tickets(&server, "open").len() == 1).then_some(()));
    // The other one is there, and stays.
    server.post("/v1/integrations/servicenow/runs/now", &json!({ "what": "reconcile" })).ok();
    assert_eq!(tickets(&server, "open").len(), 1);
}
