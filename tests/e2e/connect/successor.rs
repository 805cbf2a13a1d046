//! What is closed for good over there and is to be done again: one successor, whatever is lost or tried again on the way.

use ledger_fakes::{Fault, Rule};
use serde_json::{Value, json};

use super::super::bad_input::first_control;
use super::super::server::{Server, evidence, time, wait_for};
use super::stage::{SETTINGS, Vendors, both, route};

#[test]
fn what_is_closed_for_good_has_one_successor_that_names_it() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    server.import_starter();
    both(&server, &vendors);
    route(&server, "servicenow");
    let control = first_control(&server);
    server.post("/v1/evidence", &evidence(&control, "fail")).ok();
    let open = || {
        let list = server.get("/v1/tickets?state=open").ok();
        list["items"].as_array().unwrap().first().cloned()
    };
    let ticket = wait_for("the ticket", open);
    let records = || vendors.servicenow.fake.records("incident");
    let number = records()[0]["number"].as_str().unwrap().to_owned();
    let task = ticket["task"].as_str().unwrap();
    // The answer to the second creation is lost: it is looked up, by a key of its own.
    let lost = Rule { path: "/table/incident".into(), ..Rule::next("POST", "", Fault::LoseAnswer) };
    vendors.servicenow.faults.add(lost);
    let close = json!({ "reason": "accepted_risk", "until": time(3), "note": "until the migration" });
    server.post(&format!("/v1/tasks/{task}/close"), &close).ok();
    wait_for("the record to be closed for good", || (records()[0]["state"] == "7").then_some(()));
    let next = wait_for("the successor", || open().filter(|ticket| ticket["sending"].is_null()));
    assert_eq!(next["ticket"], ticket["ticket"], "it is the same obligation");
    assert_ne!(next["remote"]["id"], ticket["remote"]["id"]);
    let of = |id: &Value| records().into_iter().find(|record| record["sys_id"] == *id).unwrap();
    let successor = of(&next["remote"]["id"]);
    assert!(successor["description"].to_string().contains(&number), "{successor}");
    assert_eq!(
        (of(&ticket["remote"]["id"])["state"].clone(), successor["state"].clone()),
        (json!("7"), json!("1"))
    );
    // What was refused waits for nobody, and is not tried again.
    let parked = || server.get("/v1/intents?state=parked").ok()["items"].as_array().unwrap().len();
    wait_for("the end of what was refused", || (parked() == 0).then_some(()));
    server.post("/v1/evidence", &evidence(&control, "fail")).ok();
    server.post("/v1/evidence", &evidence(&control, "pass")).ok();
    wait_for("the successor to be closed", || (of(&next["remote"]["id"])["state"] == "7").then_some(()));
    assert_eq!(records().len(), 2);
}
