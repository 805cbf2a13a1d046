//! The people who work with the instance, and whoever looks into it from a test.

use serde_json::Value;

use super::ServiceNow;
use super::state::{Record, render};
use crate::http::Message;

/// How much was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Records of all tables.
    pub records: usize,
    /// Requests that were authenticated.
    pub requests: usize,
    /// Of these, those that changed something.
    pub writes: usize,
    /// Requests of tokens.
    pub token_requests: u64,
}

impl ServiceNow {
    /// A person, or a job of the instance, changes a record. False: a policy or rule refuses.
    pub fn human_edit(&self, table: &str, id: &str, values: Value, who: &str) -> (bool, Vec<Message>) {
        let mut state = self.state();
        let values = values.as_object().cloned().unwrap_or_default();
        let done = self.write(&mut state, table, id, &values, who).is_ok();
        (done, std::mem::take(&mut state.outbox))
    }

    /// A person deletes a record.
    pub fn human_delete(&self, table: &str, id: &str) {
        self.state().tables.get_mut(table).map(|records| records.remove(id));
    }

    /// An administrator hides a record from the integration's account, or shows it again.
    pub fn hide(&self, id: &str, hidden: bool) {
        let mut state = self.state();
        if hidden {
            state.hidden.insert(id.into());
        } else {
            state.hidden.remove(id);
        }
    }

    /// An administrator takes the integration's access away, or gives it back.
    pub fn revoke(&self, revoked: bool) {
        let mut state = self.state();
        state.revoked = revoked;
        if revoked {
            state.tokens.clear();
        }
    }

    /// How much was done.
    pub fn counts(&self) -> Counts {
        let state = self.state();
        Counts {
            records: state.tables.values().map(|records| records.len()).sum(),
            requests: state.requests,
            writes: state.writes,
            token_requests: state.token_requests,
        }
    }

    /// All records of a table, plain.
    pub fn records(&self, table: &str) -> Vec<Value> {
        let state = self.state();
        let records = state.tables.get(table).map(|records| records.values().collect::<Vec<&Record>>());
        records.unwrap_or_default().into_iter().map(|record| render(record, None, true)).collect()
    }

    /// All notes and comments of a record, oldest first.
    pub fn notes(&self, id: &str) -> Vec<String> {
        let state = self.state();
        state
            .journal
            .iter()
            .filter(|entry| entry["element_id"] == id)
            .map(|entry| entry["value"].clone())
            .collect()
    }

    /// The names of a record's attachments.
    pub fn files(&self, id: &str) -> Vec<String> {
        let state = self.state();
        state
            .attachments
            .iter()
            .filter(|file| file["table_sys_id"] == id)
            .map(|file| file["file_name"].clone())
            .collect()
    }
}
