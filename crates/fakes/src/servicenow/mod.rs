//! ServiceNow: the Table API with its traps, attachments, and OAuth 2.0.

mod attachments;
mod auth;
mod people;
mod query;
mod rules;
mod state;
mod table;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::clock::Clock;
use serde_json::json;

use crate::http::{Message, Reply, Request};
use crate::server::Fake;
pub use auth::Access;
pub use people::Counts;
pub use state::Settings;
use state::State;

/// A ServiceNow instance.
pub struct ServiceNow {
    settings: Settings,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl ServiceNow {
    /// An instance with the tables `incident` and `sn_grc_issue`.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>) -> Self {
        Self { settings, clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shape of every error.
pub(crate) fn failure(status: u16, message: &str, detail: &str) -> Reply {
    let body = json!({ "error": { "message": message, "detail": detail }, "status": "failure" });
    Reply::json(status, &body)
}

impl Fake for ServiceNow {
    fn handle(&self, request: &Request) -> (Reply, Vec<Message>) {
        let (method, path) = request.route();
        if (method, path.as_slice()) == ("POST", &["oauth_token.do"]) {
            return (self.token(request), Vec::new());
        }
        let user = match self.authenticate(request) {
            Ok(user) => user,
            Err(reply) => return (reply, Vec::new()),
        };
        let mut state = self.state();
        state.requests += 1;
        let reply = match headers(request, method) {
            Err(reply) => reply,
            Ok(()) => match path.as_slice() {
                ["api", "now", "v2", rest @ ..] | ["api", "now", rest @ ..] => {
                    self.api(&mut state, request, method, rest, &user)
                }
                _ => failure(400, "Requested URI does not represent any resource", ""),
            },
        };
        let messages = std::mem::take(&mut state.outbox);
        (reply, messages)
    }
}

/// Both headers on writes, `Accept` on reads.
fn headers(request: &Request, method: &str) -> Result<(), Reply> {
    let accepts = request.header("accept").is_some_and(|accept| accept.contains("json"));
    let is_file = request.path.last().is_some_and(|last| last == "file" || last == "upload");
    let typed =
        request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) || is_file;
    if !accepts || (method != "GET" && method != "DELETE" && !typed) {
        return Err(failure(400, "Invalid Headers", "Accept and Content-Type must be application/json"));
    }
    Ok(())
}

impl ServiceNow {
    fn api(&self, state: &mut State, request: &Request, method: &str, path: &[&str], user: &str) -> Reply {
        match (method, path) {
            ("GET", ["table", table]) => self.list(state, request, table),
            ("GET", ["table", table, id]) => self.get(state, request, table, id),
            ("POST", ["table", table]) => self.insert(state, request, table, user),
            ("PATCH" | "PUT", ["table", table, id]) => self.update(state, request, table, id, user),
            ("DELETE", ["table", table, id]) => self.remove(state, table, id),
            ("POST", ["attachment", "file"]) => self.attach(state, request, user),
            ("GET", ["attachment"]) => self.attachments(state, request),
            (_, ["table" | "attachment", ..]) => failure(405, "Method not supported", ""),
            _ => {
                failure(400, "Requested URI does not represent any resource", &format!("/{}", path.join("/")))
            }
        }
    }
}
