//! Fifty rapid edits from both sides: one value everywhere, few writes, and then silence.

use serde_json::{Value, json};

use super::super::bad_input::first_control;
use super::super::server::{Server, evidence, wait_for};
use super::stage::{SETTINGS, Vendors, both, put};

/// Edits of titles, at our side and at both others.
const EDITS: usize = 50;
/// An edit at one side is written to the two others at most; what comes while a write is under way is written together.
const WRITES_MAX: usize = 2 * EDITS;

struct Stage {
    server: Server,
    vendors: Vendors,
    issue: String,
    record: String,
    task: String,
}

fn items(server: &Server, path: &str) -> Vec<Value> {
    server.get(path).ok()["items"].as_array().unwrap().clone()
}

impl Stage {
    fn new(conflict: &str) -> Self {
        let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
        server.import_starter();
        both(&server, &vendors);
        for integration in ["jira", "servicenow"] {
            let rule = json!({
                "on": "control_failed", "action": "open_ticket", "integration": integration, "conflict": conflict,
            });
            put(&server, &format!("/v1/routes/to-{integration}"), &rule).ok();
        }
        let control = first_control(&server);
        server.post("/v1/evidence", &evidence(&control, "fail")).ok();
        let tickets = wait_for("the tickets", || {
            Some(items(&server, "/v1/tickets?state=open")).filter(|tickets| tickets.len() == 2)
        });
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let issue = text(&vendors.jira.fake.issues()[0]["id"]);
        let record = text(&vendors.servicenow.fake.records("incident")[0]["sys_id"]);
        let task = text(&tickets[0]["task"]);
        Self { server, vendors, issue, record, task }
    }

    fn writes(&self) -> usize {
        self.vendors.jira.fake.counts().writes + self.vendors.servicenow.fake.counts().writes
    }

    /// Edit `n`, as fast as it can be made.
    fn edit(&self, n: usize) {
        let title = format!("edit {n}");
        match n % 5 {
            1 => drop(self.vendors.jira.fake.human_edit(&self.issue, json!({ "summary": title }), "kim")),
            3 => {
                let values = json!({ "short_description": title });
                assert!(self.vendors.servicenow.fake.human_edit("incident", &self.record, values, "lee").0);
            }
            _ => {
                let change = json!({ "title": title });
                let path = format!("/v1/tasks/{}", self.task);
                self.server
                    .request("PATCH", &path, Some(&self.server.admin), Some(change.to_string().as_bytes()))
                    .ok();
            }
        }
        // Now and then both are read in between.
        if n.is_multiple_of(12) {
            self.read();
        }
        // People also talk and move the ticket along meanwhile.
        match n {
            10 => drop(self.vendors.jira.fake.human_comment(&self.issue, "looking into it", "kim")),
            20 => assert!(self.vendors.jira.fake.human_transition(&self.issue, "In Progress", "kim").0),
            30 => {
                let values = json!({ "state": "2" });
                assert!(self.vendors.servicenow.fake.human_edit("incident", &self.record, values, "lee").0);
            }
            _ => {}
        }
    }

    /// A whole read of both systems.
    fn read(&self) {
        for integration in ["jira", "servicenow"] {
            let path = format!("/v1/integrations/{integration}/runs/now");
            let run = self.server.post(&path, &json!({ "what": "poll" })).ok();
            assert_eq!(run["whole"], true, "{run}");
        }
    }

    /// A whole read of both systems, and then nothing left to do.
    fn round(&self) {
        self.read();
        wait_for("all work to be done", || {
            let before = self.server.caught_up()?;
            let open = ["due", "running", "uncertain"].iter();
            let open: usize =
                open.map(|state| items(&self.server, &format!("/v1/intents?state={state}")).len()).sum();
            (open == 0 && self.server.caught_up() == Some(before)).then_some(())
        });
    }

    /// All that a write or an edit would change: writes, tickets, intents and events about tasks.
    fn mark(&self) -> (usize, Vec<Value>, usize, usize) {
        let tickets = items(&self.server, "/v1/tickets");
        let changed = tickets.iter().map(|ticket| ticket["changed_index"].clone()).collect();
        let intents = items(&self.server, "/v1/intents?limit=1000").len();
        let changes = items(&self.server, "/v1/events?type=ledger.task.changed.v1&limit=1000").len();
        (self.writes(), changed, intents, changes)
    }

    fn titles(&self) -> [String; 2] {
        let issue = self.vendors.jira.fake.issues().remove(0);
        let record = self.vendors.servicenow.fake.records("incident").remove(0);
        [&issue["fields"]["summary"], &record["short_description"]]
            .map(|title| title.as_str().unwrap().to_owned())
    }
}

fn rapid(conflict: &str) {
    let stage = Stage::new(conflict);
    let before = stage.writes();
    for n in 0..EDITS {
        stage.edit(n);
    }
    // Until two whole reads of both systems in a row find and change nothing.
    let (mut rounds, mut quiet, mut last) = (0, 0, stage.mark());
    while quiet < 2 {
        stage.round();
        let now = stage.mark();
        quiet = if now == last { quiet + 1 } else { 0 };
        (last, rounds) = (now, rounds + 1);
        assert!(rounds < 60, "no fixed point after {rounds} reads of both systems: {:?}", stage.titles());
    }
    let writes = stage.writes() - before;
    let [jira, servicenow] = stage.titles();
    assert_eq!(jira, servicenow, "{conflict}: both systems have the same");
    assert!(jira.starts_with("edit "), "{jira}");
    assert!(writes <= WRITES_MAX, "{conflict}: {writes} writes for {EDITS} edits");
    let tickets = items(&stage.server, "/v1/tickets");
    assert!(tickets.iter().all(|ticket| ticket["conflicts"] == 0), "decided by the policy: {tickets:?}");
    // What was in conflict is in the log with both values, decided.
    let events = |what: &str| {
        items(&stage.server, &format!("/v1/events?type=ledger.ticket.{what}.v1&limit=1000")).len()
    };
    assert_eq!(events("conflicted"), events("conflict_resolved"));
    println!(
        "{conflict}: {EDITS} edits, {writes} writes, {} conflicts, at rest after {rounds} reads of both systems",
        events("conflicted")
    );
}

#[test]
fn fifty_rapid_edits_come_to_rest_where_theirs_wins() {
    rapid("theirs");
}

#[test]
fn fifty_rapid_edits_come_to_rest_where_ours_wins() {
    rapid("ours");
}
