//! What the ledger owes other systems, held against what stands there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::server::{Server, wait_for};
use super::stage::Vendors;

/// All rows of a list: a page may be short and still have a next one.
pub fn items(server: &Server, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{path}{cursor}")).ok();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// The controls of the starter catalogue, once the read models have them.
pub fn controls(server: &Server) -> Vec<String> {
    wait_for("the starter catalogue", || {
        let controls = items(server, "/v1/controls?framework=starter&limit=50");
        let named = controls.iter().filter_map(|control| control["control"].as_str().map(str::to_owned));
        Some(named.collect::<Vec<_>>()).filter(|controls| !controls.is_empty())
    })
}

/// Each obligation has one ticket at its vendor, and no ticket there is of anything else. How many were opened in Jira and
/// in ServiceNow, and how many given up before: a failure that is over before its ticket was opened needs none.
#[track_caller]
pub fn met_once(vendors: &Vendors, tickets: &[Value]) -> Vec<(usize, usize)> {
    let mut counts = Vec::new();
    for integration in ["jira", "servicenow"] {
        let ours = tickets.iter().filter(|ticket| ticket["integration"] == integration);
        let (opened, given_up): (Vec<&Value>, Vec<&Value>) =
            ours.partition(|ticket| ticket["remote_mac"].is_string());
        assert!(given_up.iter().all(|ticket| ticket["state"] == "over"), "{integration}: lost: {given_up:?}");
        let opened: BTreeSet<&str> = opened.iter().map(|ticket| ticket["ticket"].as_str().unwrap()).collect();
        let theirs = theirs(vendors, integration);
        let found: BTreeSet<&str> = theirs.iter().map(String::as_str).collect();
        assert_eq!(theirs.len(), found.len(), "{integration}: two tickets for one obligation");
        assert_eq!(found, opened, "{integration}: one ticket for each obligation");
        assert!(!opened.is_empty(), "{integration}: nothing was opened there");
        counts.push((opened.len(), given_up.len()));
    }
    counts
}

/// The obligation keys that stand at a vendor.
fn theirs(vendors: &Vendors, integration: &str) -> Vec<String> {
    let last = |text: &str| text.rsplit(':').next().unwrap_or_default().to_owned();
    match integration {
        "jira" => {
            let issues = vendors.jira.fake.issues();
            issues.iter().map(|issue| key_of(&issue["properties"])).collect()
        }
        _ => {
            let records = vendors.servicenow.fake.records("incident");
            records.iter().map(|record| last(record["correlation_id"].as_str().unwrap())).collect()
        }
    }
}

/// The key in an issue's entity properties.
fn key_of(properties: &Value) -> String {
    let mut named = properties.as_object().unwrap().values().filter_map(|property| property["key"].as_str());
    named.next().unwrap_or_default().to_owned()
}
