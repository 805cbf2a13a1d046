//! Two systems to tell: stand-ins for Jira and ServiceNow on this machine, and the people who work with them.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use ledger::clock::Clock;
use ledger_fakes::{Server, jira, serve, servicenow};
use serde_json::{Value, json};

use super::client::{Client, text};

/// What the stand-ins take; whoever sees it can do nothing with it but talk to a stand-in.
const JIRA_TOKEN: &str = "fake-api-token-0001";
const SERVICENOW_PASSWORD: &str = "fake-password-0001";
/// Whoever works with the tickets.
const PERSON: &str = "a colleague";

/// Both stand-ins, each on a port of its own.
pub struct Vendors {
    jira: Server<jira::Jira>,
    servicenow: Server<servicenow::ServiceNow>,
}

impl Vendors {
    /// Starts both.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(clock: Arc<dyn Clock>) -> Result<Self> {
        let issues = jira::Jira::new(jira::Settings::default(), Arc::clone(&clock));
        let records = servicenow::ServiceNow::new(servicenow::Settings::default(), clock);
        let started = async { Ok::<_, std::io::Error>((serve(issues, 0).await?, serve(records, 0).await?)) };
        let (jira, servicenow) = started.await.context("cannot start the stand-ins")?;
        Ok(Self { jira, servicenow })
    }

    /// Keeps the secrets, registers, configures and enables both, and routes failed controls to them.
    ///
    /// # Errors
    /// The ledger refuses.
    pub fn integrate(&self, client: &Client) -> Result<()> {
        client.put("/v1/secrets/jira-token", &json!({ "value": JIRA_TOKEN }))?;
        client.put("/v1/secrets/servicenow-password", &json!({ "value": SERVICENOW_PASSWORD }))?;
        let both = [("jira", self.jira_configuration()), ("servicenow", self.servicenow_configuration())];
        for (id, config) in both {
            let registered =
                json!({ "id": id, "kind": id, "adapter_version": env!("CARGO_PKG_VERSION"), "name": id });
            client.post("/v1/integrations", &registered)?;
            let configured =
                client.put(&format!("/v1/integrations/{id}/configuration"), &json!({ "config": config }))?;
            client.post(&format!("/v1/integrations/{id}/enable"), &json!({}))?;
            client.put(
                &format!("/v1/routes/failed-to-{id}"),
                &json!({ "on": "control_failed", "action": "open_ticket", "integration": id }),
            )?;
            println!(
                "   {id:<11} {}, its configuration is entry {}",
                text(&config, "base_url"),
                configured["receipt"]["index"]
            );
        }
        Ok(())
    }

    fn jira_configuration(&self) -> Value {
        connection(
            &self.jira.url(),
            self.jira.address.port(),
            json!({ "basic": { "user": "ledger@example.org", "password": { "secret": "jira-token" } } }),
            json!({
                "deployment": "cloud", "project": "SEC", "issue_type": "10001", "site": "https://acme.example",
                "statuses": {
                    "open": { "name": "To Do" }, "in_progress": { "name": "In Progress" },
                    "closed": { "name": "Done", "via": ["In Progress", "In Review"], "fields": { "resolution": { "name": "Done" } } },
                    "cancelled": { "name": "Won't Do" },
                },
            }),
        )
    }

    fn servicenow_configuration(&self) -> Value {
        connection(
            &self.servicenow.url(),
            self.servicenow.address.port(),
            json!({ "basic": { "user": "ledger.integration", "password": { "secret": "servicenow-password" } } }),
            json!({
                "table": "incident", "site": "https://acme.example",
                "statuses": {
                    "open": { "value": "1" }, "in_progress": { "value": "2" }, "on_hold": { "value": "3" },
                    "resolved": { "value": "6", "fields": { "close_code": "Solution provided" }, "note": "close_notes" },
                    "closed": { "value": "7", "fields": { "close_code": "Solution provided" }, "note": "close_notes", "final": true },
                    "cancelled": { "value": "8", "final": true },
                },
            }),
        )
    }

    /// Waits until every failed control has one ticket in each system, and shows them.
    ///
    /// # Errors
    /// It did not come to that.
    pub fn show_tickets(&self, client: &Client, failed: usize) -> Result<()> {
        client.wait("/v1/tickets?state=open&limit=1000", |tickets| {
            tickets["items"].as_array().map_or(0, Vec::len) == 2 * failed
        })?;
        let (issues, records) = (self.jira.fake.issues(), self.servicenow.fake.records("incident"));
        ensure!(issues.len() == failed, "{} issues for {failed} failed controls", issues.len());
        ensure!(records.len() == failed, "{} incidents for {failed} failed controls", records.len());
        for issue in &issues {
            println!("   jira        {:<10}  {}", text(issue, "key"), text(&issue["fields"], "summary"));
        }
        for record in &records {
            println!("   servicenow  {:<10}  {}", text(record, "number"), text(record, "short_description"));
        }
        Ok(())
    }

    /// Somebody works on the ticket of `control` in Jira and calls it done. Waits until the ledger knows, and gives the task.
    ///
    /// # Errors
    /// It never came to know.
    pub fn work_on(&self, client: &Client, control: &str) -> Result<String> {
        let tasks = client.get(&format!("/v1/tasks?framework=starter&control={control}"))?;
        let task = text(&tasks["items"][0], "task").to_owned();
        let tickets = client.get("/v1/tickets?limit=1000")?;
        let ours = tickets["items"].as_array().into_iter().flatten();
        let ticket = ours
            .into_iter()
            .find(|ticket| text(ticket, "task") == task && text(ticket, "integration") == "jira")
            .context("the task has a ticket in Jira")?;
        let (id, key) = (text(&ticket["remote"], "id"), text(&ticket["remote"], "key"));
        for status in ["In Progress", "In Review", "Done"] {
            let (offered, _) = self.jira.fake.human_transition(id, status, PERSON);
            ensure!(offered, "{key} offers no way to {status}");
        }
        println!("   {PERSON} moves {key} to Done");
        client.post("/v1/integrations/jira/runs/now", &json!({ "what": "poll" }))?;
        client.wait("/v1/tasks?state=claimed", |tasks| !items(tasks).is_empty())?;
        let still = client.get(&format!("/v1/controls/starter/{control}"))?;
        ensure!(text(&still, "status") == "fail", "a claim closed the control");
        println!("   the task is claimed to be done; {control} still fails: a claim is no evidence");
        Ok(task)
    }

    /// Waits until both tickets of a task are closed over there.
    ///
    /// # Errors
    /// They were not.
    pub fn show_closed(&self, client: &Client, task: &str) -> Result<()> {
        let tickets = client.wait("/v1/tickets?state=over&limit=1000", |tickets| {
            items(tickets).iter().filter(|ticket| text(ticket, "task") == task).count() == 2
        })?;
        let numbers: BTreeSet<String> = items(&tickets)
            .iter()
            .filter(|ticket| text(ticket, "task") == task)
            .map(|ticket| format!("{} {}", text(ticket, "integration"), text(&ticket["remote"], "key")))
            .collect();
        let closed =
            self.servicenow.fake.records("incident").iter().filter(|record| record["state"] == "7").count();
        ensure!(closed == 1, "{closed} incidents are closed instead of one");
        println!("   closed on evidence: {}", numbers.into_iter().collect::<Vec<_>>().join(", "));
        Ok(())
    }
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map_or(&[], Vec::as_slice)
}

/// A connection to a stand-in: plain HTTP to loopback, which the demo's ledger unlocks for itself.
fn connection(url: &str, port: u16, auth: Value, adapter: Value) -> Value {
    json!({
        "base_url": url, "auth": auth, "allow_networks": ["127.0.0.0/8"], "allow_ports": [port], "allow_plain_http": true,
        "rates": { "per_second": 1000.0, "burst": 1000.0 }, "adapter": adapter,
    })
}
