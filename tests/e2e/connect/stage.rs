//! A ledger of its own beside fake vendors on loopback.

use ledger::clock::SystemClock;
use ledger_fakes::{Fake, Server as FakeServer, jira, servicenow};
use serde_json::{Value, json};
use std::sync::Arc;

use super::super::server::{Answer, Server, wait_for};

/// The tokens that the fakes take.
pub const JIRA_TOKEN: &str = "fake-api-token-0001";
pub const SERVICENOW_PASSWORD: &str = "fake-password-0001";

/// Fakes live on threads of their own: the tests block.
pub struct Vendors {
    runtime: tokio::runtime::Runtime,
    pub jira: FakeServer<jira::Jira>,
    pub servicenow: FakeServer<servicenow::ServiceNow>,
}

impl Vendors {
    /// Both, as they are out of the box.
    pub fn start() -> Self {
        Self::with(jira::Settings::default(), servicenow::Settings::default())
    }

    /// Both, set up in another way.
    pub fn with(jira: jira::Settings, servicenow: servicenow::Settings) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = Arc::new(SystemClock);
        let jira = serve(&runtime, jira::Jira::new(jira, clock.clone()));
        let servicenow = serve(&runtime, servicenow::ServiceNow::new(servicenow, clock));
        Self { runtime, jira, servicenow }
    }

    /// Another fake beside them.
    pub fn serve<F: Fake>(&self, fake: F) -> FakeServer<F> {
        serve(&self.runtime, fake)
    }
}

fn serve<F: Fake>(runtime: &tokio::runtime::Runtime, fake: F) -> FakeServer<F> {
    runtime.block_on(ledger_fakes::serve(fake, 0)).unwrap()
}

/// What the ledger is started with: integrations may unlock loopback.
pub const SETTINGS: [(&str, &str); 1] = [("LEDGER_EGRESS_NETWORKS", "127.0.0.0/8")];

/// What every connection to a fake needs.
pub fn connection(url: &str, port: u16, auth: Value, adapter: Value) -> Value {
    json!({
        "base_url": url,
        "auth": auth,
        "allow_networks": ["127.0.0.0/8"],
        "allow_ports": [port],
        "allow_plain_http": true,
        "rates": { "per_second": 1000.0, "burst": 1000.0 },
        "request_timeout_ms": 2_000,
        "retry": { "attempts_max": 20, "base_ms": 50, "max_ms": 500, "lookup_after_ms": 300 },
        "breaker": { "failures": 50, "open_seconds": 1, "open_seconds_max": 1 },
        "adapter": adapter,
    })
}

/// The configuration of the Jira fake.
pub fn jira_config(vendors: &Vendors) -> Value {
    let auth = json!({ "basic": { "user": "ledger@example.org", "password": { "secret": "jira-token" } } });
    let adapter = json!({
        "deployment": "cloud", "project": "SEC", "issue_type": "10001", "site": "https://acme.example",
        "statuses": {
            "open": { "name": "To Do" }, "in_progress": { "name": "In Progress" },
            "closed": { "name": "Done", "via": ["In Progress", "In Review"], "fields": { "resolution": { "name": "Done" } } },
            "cancelled": { "name": "Won't Do" },
        },
    });
    connection(&vendors.jira.url(), vendors.jira.address.port(), auth, adapter)
}

/// The configuration of the ServiceNow fake.
pub fn servicenow_config(vendors: &Vendors) -> Value {
    let auth =
        json!({ "basic": { "user": "ledger.integration", "password": { "secret": "servicenow-password" } } });
    let adapter = json!({
        "table": "incident", "site": "https://acme.example",
        "statuses": {
            "open": { "value": "1" }, "in_progress": { "value": "2" }, "on_hold": { "value": "3" },
            "resolved": { "value": "6", "fields": { "close_code": "Solution provided" }, "note": "close_notes" },
            "closed": { "value": "7", "fields": { "close_code": "Solution provided" }, "note": "close_notes", "final": true },
            "cancelled": { "value": "8", "final": true },
        },
    });
    connection(&vendors.servicenow.url(), vendors.servicenow.address.port(), auth, adapter)
}

/// PUT JSON with the admin key.
pub fn put(server: &Server, path: &str, body: &Value) -> Answer {
    server.request("PUT", path, Some(&server.admin), Some(body.to_string().as_bytes()))
}

/// Registers, configures and enables an integration.
pub fn integrate(server: &Server, id: &str, kind: &str, config: &Value) {
    server
        .post("/v1/integrations", &json!({ "id": id, "kind": kind, "adapter_version": "0.1.0", "name": id }))
        .ok();
    wait_for("the integration", || {
        (server.get(&format!("/v1/integrations/{id}")).status == 200).then_some(())
    });
    put(server, &format!("/v1/integrations/{id}/configuration"), &json!({ "config": config })).ok();
    server.post(&format!("/v1/integrations/{id}/enable"), &json!({})).ok();
}

/// Keeps a secret.
pub fn secret(server: &Server, name: &str, value: &str) {
    put(server, &format!("/v1/secrets/{name}"), &json!({ "value": value })).ok();
}

/// Both fakes, integrated.
pub fn both(server: &Server, vendors: &Vendors) {
    secret(server, "jira-token", JIRA_TOKEN);
    secret(server, "servicenow-password", SERVICENOW_PASSWORD);
    integrate(server, "jira", "jira", &jira_config(vendors));
    integrate(server, "servicenow", "servicenow", &servicenow_config(vendors));
}

/// Failed controls open tickets there.
pub fn route(server: &Server, integration: &str) {
    let rule = json!({ "on": "control_failed", "action": "open_ticket", "integration": integration });
    put(server, &format!("/v1/routes/to-{integration}"), &rule).ok();
}

/// How an integration is, as the registry shows it.
pub fn degraded(server: &Server, id: &str) -> Option<String> {
    server.get(&format!("/v1/integrations/{id}")).ok()["degraded"].as_str().map(str::to_owned)
}
