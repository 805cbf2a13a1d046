//! The people who work with the site, and whoever looks into it from a test.

use serde_json::{Map, Value, json};

use super::Jira;
use super::state::{Deployment, WORKFLOW, status};
use crate::http::Message;

/// How much was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Issues that there are.
    pub issues: usize,
    /// Requests that were authenticated.
    pub requests: usize,
    /// Of these, those that changed something.
    pub writes: usize,
    /// Token renewals that were asked for.
    pub renewals: u64,
}

impl Jira {
    /// A person edits fields. Gives the webhooks that follow.
    pub fn human_edit(&self, id: &str, fields: Value, who: &str) -> Vec<Message> {
        let mut state = self.state();
        if let Some(id) = state.find(id) {
            let fields: Map<String, Value> = fields.as_object().cloned().unwrap_or_default();
            self.change(&mut state, id, fields, None, who);
        }
        std::mem::take(&mut state.outbox)
    }

    /// A person takes a transition that is offered, with a resolution where it asks for one. False: not offered.
    pub fn human_transition(&self, id: &str, to: &str, who: &str) -> (bool, Vec<Message>) {
        let mut state = self.state();
        let Some(id) = state.find(id) else { return (false, Vec::new()) };
        let from = state.issues[&id].status;
        let Some((.., to, asks)) =
            WORKFLOW.iter().find(|(_, _, start, end, _)| *start == from && status(end).1 == to)
        else {
            return (false, Vec::new());
        };
        let mut fields = Map::new();
        if *asks {
            fields.insert("resolution".into(), json!({ "id": "10000", "name": "Done" }));
        }
        self.change(&mut state, id, fields, Some(to), who);
        (true, std::mem::take(&mut state.outbox))
    }

    /// A person comments.
    pub fn human_comment(&self, id: &str, text: &str, who: &str) -> Vec<Message> {
        let mut state = self.state();
        let body = if self.is_cloud() {
            json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph", "content": [{ "type": "text", "text": text }] }] })
        } else {
            text.into()
        };
        if let Some(id) = state.find(id) {
            self.add_comment(&mut state, id, who, body, &Value::Null);
        }
        std::mem::take(&mut state.outbox)
    }

    /// A person deletes an issue.
    pub fn human_delete(&self, id: &str, who: &str) -> Vec<Message> {
        let mut state = self.state();
        if let Some(id) = state.find(id) {
            self.announce(&mut state, id, "jira:issue_deleted", who, None);
            state.issues.remove(&id);
        }
        std::mem::take(&mut state.outbox)
    }

    /// An administrator takes the integration's access away, or gives it back.
    pub fn revoke(&self, revoked: bool) {
        self.state().revoked = revoked;
    }

    /// Which product it is.
    pub fn deployment(&self) -> Deployment {
        self.settings.deployment
    }

    /// How much was done.
    pub fn counts(&self) -> Counts {
        let state = self.state();
        Counts {
            issues: state.issues.len(),
            requests: state.requests,
            writes: state.writes,
            renewals: state.granted.renewals,
        }
    }

    /// All issues as the API shows them, with properties, links and comments.
    pub fn issues(&self) -> Vec<Value> {
        let state = self.state();
        state
            .issues
            .values()
            .map(|issue| {
                let mut shown = self.render(issue, &[]);
                shown["properties"] = json!(issue.properties);
                shown["links"] = issue.links.iter().map(|(_, link)| link.clone()).collect();
                shown["comments"] = issue.comments.clone().into();
                shown
            })
            .collect()
    }
}
