//! Jira: Cloud (REST v3, ADF) and Data Center (REST v2, wiki text).

mod auth;
mod changes;
mod fields;
mod issues;
mod jql;
mod meta;
mod more;
mod people;
mod search;
mod state;
mod transitions;
mod webhooks;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::clock::Clock;
use serde_json::{Value, json};

use crate::http::{Message, Reply, Request};
use crate::server::Fake;
pub use auth::{Access, OAuthClient};
pub use people::Counts;
use state::State;
pub use state::{Deployment, Settings};

/// A Jira site.
pub struct Jira {
    settings: Settings,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl Jira {
    /// A site with one project, `SEC`, and its usual workflow.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock, state: Mutex::new(State::seeded()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_cloud(&self) -> bool {
        self.settings.deployment == Deployment::Cloud
    }

    /// The version of its REST interface.
    fn version(&self) -> &'static str {
        if self.is_cloud() { "3" } else { "2" }
    }
}

/// The shape of every error.
pub(crate) fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "errorMessages": [message], "errors": {} }))
}

pub(crate) fn field_errors(errors: Vec<(String, String)>) -> Reply {
    let errors: serde_json::Map<String, Value> =
        errors.into_iter().map(|(field, message)| (field, Value::String(message))).collect();
    Reply::json(400, &json!({ "errorMessages": [], "errors": errors }))
}

impl Fake for Jira {
    fn handle(&self, request: &Request) -> (Reply, Vec<Message>) {
        let (method, mut path) = request.route();
        if let Some(reply) = self.token_endpoint(request, method, &path) {
            return (reply, Vec::new());
        }
        // OAuth clients of Cloud come through the gateway, with the site's id in the path.
        if let ["ex", "jira", id, ..] = path.as_slice() {
            if *id != self.settings.cloud_id || request.bearer().is_none() {
                return (error(404, "No such site"), Vec::new());
            }
            path.drain(..3);
        }
        let user = match self.authenticate(request) {
            Ok(user) => user,
            Err(reply) => return (reply, Vec::new()),
        };
        let mut state = self.state();
        state.requests += 1;
        let mut reply = match path.as_slice() {
            ["rest", "api", version, rest @ ..] if *version == self.version() || *version == "latest" => {
                self.api(&mut state, request, method, rest, &user)
            }
            // The Python client and old scripts speak v2 to Cloud; only texts differ.
            ["rest", "api", "2", rest @ ..] if self.is_cloud() => {
                self.api(&mut state, request, method, rest, &user)
            }
            ["rest", "webhooks", "1.0", "webhook"] if method == "POST" => {
                self.add_webhook(&mut state, request)
            }
            _ => error(404, "null for uri"),
        };
        // The vendor names a type even where there is no body.
        if reply.body.is_empty() {
            reply = reply.header("content-type", "application/json;charset=UTF-8");
        }
        let messages = std::mem::take(&mut state.outbox);
        (reply, messages)
    }
}

impl Jira {
    fn api(&self, state: &mut State, request: &Request, method: &str, path: &[&str], user: &str) -> Reply {
        match (method, path) {
            ("GET", ["serverInfo"]) => self.server_info(),
            ("GET", ["myself"]) => Reply::json(200, &self.user(user)),
            ("GET", ["field"]) => meta::fields(),
            ("GET", ["status"]) => meta::statuses(),
            ("GET", ["priority"]) => meta::priorities(),
            ("GET", ["resolution"]) => meta::resolutions(),
            ("GET", ["project", key]) => meta::project(key),
            ("GET", ["project", key, "statuses"]) => meta::project_statuses(key),
            ("GET", ["mypermissions"]) => meta::permissions(),
            ("GET" | "PUT", ["project", key, "properties", name]) => {
                self.project_property(state, request, method, key, name)
            }
            ("GET", ["issue", "createmeta", project, "issuetypes"]) => self.issue_types(request, project),
            ("GET", ["issue", "createmeta", project, "issuetypes", id]) => {
                self.create_fields(request, project, id)
            }
            ("POST", ["issue"]) => self.create(state, request, user),
            ("GET", ["issue", id]) => self.read(state, request, id),
            ("PUT", ["issue", id]) => self.edit(state, request, id, user),
            ("DELETE", ["issue", id]) => self.delete(state, id, user),
            ("GET", ["issue", id, "transitions"]) => self.transitions(state, request, id),
            ("POST", ["issue", id, "transitions"]) => self.transition(state, request, id, user),
            ("GET", ["issue", id, "changelog"]) => self.changelog(state, request, id),
            ("GET", ["issue", id, "comment"]) => self.comments(state, request, id),
            ("POST", ["issue", id, "comment"]) => self.comment(state, request, id, user),
            ("POST", ["issue", id, "attachments"]) => self.attach(state, request, id, user),
            ("GET" | "PUT" | "DELETE", ["issue", id, "properties", name]) => {
                self.issue_property(state, request, method, id, name)
            }
            ("GET" | "POST", ["issue", id, "remotelink"]) => self.remote_links(state, request, method, id),
            ("POST" | "GET", ["search", "jql"]) if self.is_cloud() => {
                self.search_cloud(state, request, method)
            }
            ("POST" | "GET", ["search"]) if !self.is_cloud() => self.search_dc(state, request, method),
            ("GET" | "POST", ["search"]) => error(
                410,
                "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.",
            ),
            (method, ["webhook", rest @ ..]) if self.is_cloud() => {
                self.dynamic_webhooks(state, request, method, rest)
            }
            _ => error(404, "null for uri"),
        }
    }
}
