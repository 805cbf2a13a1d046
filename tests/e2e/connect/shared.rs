//! Two servers and three workers on one PostgreSQL, killed in turn: every obligation is met once.
//!
//! `LEDGER_TEST_LONG=1`: for two minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ledger::clock::Stopwatch;
use serde_json::{Value, json};

use super::super::cluster::Cluster;
use super::super::server::{Server, evidence};
use super::obligations::{controls, items, met_once};
use super::stage::{SETTINGS, Vendors, both, route};

/// How long the processes run between two kills.
const BETWEEN: Duration = Duration::from_secs(2);
/// What is left at the end may take this long: leases end, uncertain work is looked up twice.
const SETTLE_MAX: Duration = Duration::from_secs(120);

/// Processes of one ledger.
pub struct Processes {
    pub cluster: Cluster,
    pub servers: Vec<Server>,
    pub workers: Vec<Server>,
    pub admin: String,
}

impl Processes {
    /// So many that answer and so many that work.
    pub fn start(settings: &[(&str, &str)], servers: usize, workers: usize) -> Self {
        let cluster = Cluster::new(settings);
        let first = cluster.serve("server-0", None);
        let admin = first.admin().to_owned();
        let others = (1..servers).map(|number| cluster.serve(&format!("server-{number}"), Some(&admin)));
        let servers = std::iter::once(first).chain(others).collect();
        let workers = (0..workers).map(|number| cluster.worker(&format!("worker-{number}"))).collect();
        Self { cluster, servers, workers, admin }
    }

    /// kill -9 of a worker; it comes back.
    pub fn kill_worker(&mut self, number: usize) {
        self.workers.remove(number).kill();
        self.workers.insert(number, self.cluster.worker(&format!("worker-{number}")));
    }

    /// Ends all of them and has the ledger verified.
    pub fn end_well(self) {
        let Self { cluster, servers, workers, .. } = self;
        for node in servers.into_iter().chain(workers) {
            assert_eq!(node.stop(), Some(0));
        }
        let report = cluster.verify("server-0");
        assert_eq!(report["ok"], true, "{report}");
    }

    /// kill -9 of one of each kind; they come back while the others go on.
    fn kill(&mut self, turn: usize) {
        let (server, worker) = (turn % self.servers.len(), turn % self.workers.len());
        self.servers.remove(server).kill();
        self.workers.remove(worker).kill();
        let came_back = self.cluster.serve(&format!("server-{server}"), Some(&self.admin));
        self.servers.insert(server, came_back);
        self.workers.insert(worker, self.cluster.worker(&format!("worker-{worker}")));
    }

    /// Where the log ends, once read models and reactors have seen all of it, whoever reacts.
    fn caught_up(&self) -> Option<u64> {
        let behind = |ready: &Value| ready["projection_lag"] != 0;
        let ready: Vec<Value> =
            self.servers.iter().chain(&self.workers).map(|node| node.get("/readyz").json).collect();
        let reacted: Vec<&Value> = ready.iter().filter(|ready| !ready["reaction_lag"].is_null()).collect();
        let positions: BTreeSet<Option<u64>> = ready.iter().map(|ready| ready["position"].as_u64()).collect();
        let whole = !ready.iter().any(behind)
            && positions.len() == 1
            && matches!(reacted[..], [one] if one["reaction_lag"] == 0);
        if whole { ready[0]["position"].as_u64() } else { None }
    }
}

#[test]
fn every_obligation_is_met_once_whichever_process_is_killed() {
    let rounds = if super::super::long() { 60 } else { 4 };
    let vendors = Vendors::start();
    let mut processes = Processes::start(&SETTINGS, 2, 3);
    let first = &processes.servers[0];
    first.import_starter();
    both(first, &vendors);
    route(first, "jira");
    route(first, "servicenow");
    let controls = controls(first);
    let mut failing = BTreeMap::<&str, bool>::new();
    for round in 0..rounds {
        for number in 0..3 {
            let control = controls[(round * 3 + number) % controls.len()].as_str();
            let fails = failing.entry(control).or_default();
            *fails = !*fails;
            let server = &processes.servers[(round + number) % 2];
            server.post("/v1/evidence", &evidence(control, if *fails { "fail" } else { "pass" })).ok();
        }
        let watch = Stopwatch::start();
        while watch.elapsed() < BETWEEN {
            std::thread::yield_now();
        }
        processes.kill(round);
    }
    let tickets = settle(&processes);
    met_once(&vendors, &tickets);
    println!(
        "{} kills of servers and as many of workers: {} obligations, each met once",
        rounds,
        tickets.len()
    );
    processes.end_well();
}

/// Waits until nothing is open and nothing more follows from it; all tickets then.
pub fn settle(processes: &Processes) -> Vec<Value> {
    let (server, watch) = (&processes.servers[0], Stopwatch::start());
    loop {
        let before = processes.caught_up();
        let open: usize = ["due", "running", "uncertain"]
            .iter()
            .map(|state| items(server, &format!("/v1/intents?state={state}")).len())
            .sum();
        let parked = items(server, "/v1/intents?state=parked");
        let tickets = items(server, "/v1/tickets?limit=1000");
        if open == 0 && parked.is_empty() && before.is_some() && processes.caught_up() == before {
            return tickets;
        }
        for integration in ["jira", "servicenow"].iter().filter(|_| open == 0 && !parked.is_empty()) {
            server.post(&format!("/v1/integrations/{integration}/intents/replay"), &json!({})).ok();
        }
        assert!(watch.elapsed() < SETTLE_MAX, "{open} open, parked: {parked:?}");
        std::thread::yield_now();
    }
}
