//! What a site knows.

use std::collections::BTreeMap;

use ledger::time::Timestamp;
use serde_json::{Map, Value};

use super::auth::{Access, Granted};
use super::webhooks::Webhook;
use crate::http::Message;

/// Which product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// Cloud, REST v3.
    Cloud,
    /// Data Center, REST v2.
    DataCenter,
}

/// How a site is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which product.
    pub deployment: Deployment,
    /// Who may come in.
    pub access: Access,
    /// The site's id, which stands in the path of OAuth clients.
    pub cloud_id: String,
    /// A new issue stays out of this many searches: the index lags.
    pub hidden_from_searches: u32,
    /// Fields that the project asks for beside summary, by their ids.
    pub required: Vec<String>,
    /// The largest page that a search gives, whatever is asked.
    pub page_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deployment: Deployment::Cloud,
            access: Access::default(),
            cloud_id: "11223344-a1b2-3b33-c444-def123456789".into(),
            hidden_from_searches: 0,
            required: Vec::new(),
            page_max: 50,
        }
    }
}

/// An issue.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) key: String,
    pub(crate) fields: Map<String, Value>,
    pub(crate) status: &'static str,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) creator: String,
    pub(crate) properties: BTreeMap<String, Value>,
    pub(crate) links: Vec<(u64, Value)>,
    pub(crate) comments: Vec<Value>,
    pub(crate) attachments: Vec<Value>,
    pub(crate) changes: Vec<Value>,
    pub(crate) unseen_searches: u32,
}

/// All that changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) next: u64,
    pub(crate) numbers: u64,
    pub(crate) project_properties: BTreeMap<String, Value>,
    pub(crate) webhooks: Vec<Webhook>,
    pub(crate) outbox: Vec<Message>,
    pub(crate) granted: Granted,
    pub(crate) revoked: bool,
    pub(crate) requests: usize,
    pub(crate) writes: usize,
}

/// The one project.
pub(crate) const PROJECT: (&str, &str, &str) = ("10000", "SEC", "Security");
/// Its issue types.
pub(crate) const ISSUE_TYPES: [(&str, &str); 2] = [("10001", "Task"), ("10002", "Bug")];
/// Its statuses: id, name, category.
pub(crate) const STATUSES: [(&str, &str, &str); 5] = [
    ("10100", "To Do", "new"),
    ("3", "In Progress", "indeterminate"),
    ("10101", "In Review", "indeterminate"),
    ("10102", "Done", "done"),
    ("10103", "Won't Do", "done"),
];
/// Its workflow: transition id, name, from, to, whether it asks for a resolution.
pub(crate) const WORKFLOW: [(&str, &str, &str, &str, bool); 8] = [
    ("11", "Start work", "10100", "3", false),
    ("21", "Send to review", "3", "10101", false),
    ("31", "Approve", "10101", "10102", true),
    ("41", "Reject", "10101", "3", false),
    ("51", "Won't do", "10100", "10103", true),
    ("61", "Reopen", "10102", "10100", false),
    ("62", "Reopen", "10103", "10100", false),
    ("71", "Stop work", "3", "10100", false),
];
pub(crate) const PRIORITIES: [(&str, &str); 5] =
    [("1", "Highest"), ("2", "High"), ("3", "Medium"), ("4", "Low"), ("5", "Lowest")];
pub(crate) const RESOLUTIONS: [(&str, &str); 2] = [("10000", "Done"), ("10001", "Won't Do")];

impl State {
    pub(crate) fn seeded() -> Self {
        Self { next: 10_001, ..Self::default() }
    }

    /// Ids and keys both name an issue; a number is an id.
    pub(crate) fn find(&self, id_or_key: &str) -> Option<u64> {
        let by_id = id_or_key.parse().ok().filter(|id| self.issues.contains_key(id));
        by_id.or_else(|| self.issues.values().find(|issue| issue.key == id_or_key).map(|issue| issue.id))
    }

    /// A number that nothing else has.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        20_000 + self.numbers
    }
}

/// A status by its id.
pub(crate) fn status(id: &str) -> (&'static str, &'static str, &'static str) {
    STATUSES.into_iter().find(|status| status.0 == id).unwrap_or(STATUSES[0])
}

/// Jira's way to write a time.
pub(crate) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}+0000", &text[..23])
}
