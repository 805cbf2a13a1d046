//! The server killed again and again while the vendors lose requests and answers, hang, limit and fail: one ticket for
//! each obligation, none lost, and the ledger verifies.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::clock::{Entropy, SeededEntropy, Stopwatch};
use ledger_fakes::{Fault, Rule};
use serde_json::{Value, json};

use super::super::server::{Server, evidence, ledger};
use super::obligations::{controls, items, met_once};
use super::stage::{SETTINGS, Vendors, both, route};

/// Faults of one cycle beside its kill.
const FAULTS: u64 = 7;
/// A cycle in which nothing more happens is killed after this long.
const CYCLE_MAX: Duration = Duration::from_secs(4);
/// What is left at the end may take this long: uncertain work is looked up twice.
const SETTLE_MAX: Duration = Duration::from_secs(300);

struct Dice(SeededEntropy);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % sides
    }

    fn fault(&self) -> Rule {
        let fault = match self.roll(7) {
            0 | 1 => Fault::LoseAnswer,
            2 => Fault::LoseRequest,
            3 => Fault::GatewayAfter(502),
            4 => Fault::Refuse(503),
            5 => Fault::RateLimit(Vec::new()),
            _ => Fault::Hang,
        };
        // Half of them hit what must not be repeated, the others whatever comes.
        let method = (self.roll(2) == 0).then(|| "POST".to_owned());
        Rule { method, path: String::new(), skip: u32::try_from(self.roll(4)).unwrap(), times: 1, fault }
    }
}

fn requests(vendors: &Vendors) -> usize {
    vendors.jira.fake.counts().requests + vendors.servicenow.fake.counts().requests
}

#[test]
fn every_obligation_has_one_ticket_whatever_is_killed() {
    let faults = if super::super::long() { 1_000 } else { 32 };
    let dir = tempfile::tempdir().unwrap();
    let vendors = Vendors::start();
    let dice = Dice(SeededEntropy::new(11));
    let mut server = Server::start_in_with(dir.path(), &SETTINGS);
    server.import_starter();
    both(&server, &vendors);
    route(&server, "jira");
    route(&server, "servicenow");
    let controls = controls(&server);
    let (mut failing, mut injected, mut kills) = (BTreeMap::<String, bool>::new(), 0, 0);
    while injected < faults {
        for _ in 0..2 {
            let control = &controls[usize::try_from(dice.roll(controls.len() as u64)).unwrap()];
            let fails = failing.entry(control.clone()).or_default();
            *fails = !*fails;
            server.post("/v1/evidence", &evidence(control, if *fails { "fail" } else { "pass" })).ok();
        }
        for _ in 0..FAULTS {
            let place = if dice.roll(2) == 0 { &vendors.jira.faults } else { &vendors.servicenow.faults };
            place.add(dice.fault());
        }
        let (enough, watch) =
            (requests(&vendors) + 1 + usize::try_from(dice.roll(12)).unwrap(), Stopwatch::start());
        while requests(&vendors) < enough && watch.elapsed() < CYCLE_MAX {
            std::thread::yield_now();
        }
        server.kill();
        (injected, kills) = (injected + FAULTS + 1, kills + 1);
        server = Server::start_in_with(dir.path(), &SETTINGS);
    }
    vendors.jira.faults.clear();
    vendors.servicenow.faults.clear();
    settle(&server);
    let tickets: Vec<Value> = items(&server, "/v1/tickets?limit=1000");
    let counts = met_once(&vendors, &tickets);
    let tasks = items(&server, "/v1/tasks?limit=1000");
    let told = tasks.iter().filter(|task| task["tickets"] == 2).count();
    assert!(2 * told > tasks.len(), "{told} of {} failures became tickets", tasks.len());
    println!(
        "{injected} faults, {kills} of them kills: {} failures, {told} of them told to both systems, the others over before; \
         opened and given up before that: {counts:?}",
        tasks.len()
    );
    assert_eq!(server.stop(), Some(0));
    let data = dir.path().join("data");
    let verified = ledger(&["verify", "--json", "--data", data.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(report["ok"], true, "{report}");
}

/// Waits until nothing is open and nothing more follows from it; what was parked on the way is replayed.
fn settle(server: &Server) {
    let watch = Stopwatch::start();
    loop {
        // Several lists are several states: they tell one only if nothing was appended while they were read.
        let before = server.caught_up();
        let open: usize = ["due", "running", "uncertain"]
            .iter()
            .map(|state| items(server, &format!("/v1/intents?state={state}")).len())
            .sum();
        let parked = items(server, "/v1/intents?state=parked");
        if open == 0
            && parked.is_empty()
            && reacted(server)
            && before.is_some()
            && server.caught_up() == before
        {
            return;
        }
        for integration in ["jira", "servicenow"].iter().filter(|_| open == 0 && !parked.is_empty()) {
            server.post(&format!("/v1/integrations/{integration}/intents/replay"), &json!({})).ok();
        }
        assert!(watch.elapsed() < SETTLE_MAX, "{open} open, parked: {parked:?}");
        std::thread::yield_now();
    }
}

/// Has every failure become a task, and every task that was still open then a ticket in both systems?
///
/// A failure may be over before its task is linked to tickets: the server was killed in between, and what it found at its
/// next start was a failure and its end. Such a task is closed, and there is nothing to tell anybody.
fn reacted(server: &Server) -> bool {
    let failures = items(server, "/v1/events?type=ledger.control.observation_raised.v1&limit=1000").len();
    let tasks = items(server, "/v1/tasks?limit=1000");
    let linked = |task: &Value| task["tickets"].as_u64().unwrap();
    let sound = |task: &Value| linked(task) == 2 || task["state"] == "closed";
    tasks.len() == failures
        && tasks.iter().all(sound)
        && items(server, "/v1/tickets?limit=1000").len() as u64 == tasks.iter().map(linked).sum::<u64>()
}
