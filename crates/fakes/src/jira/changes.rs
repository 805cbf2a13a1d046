//! What every change leaves behind: the new values, an entry of the changelog, a new `updated`, a webhook.

use serde_json::{Map, Value, json};

use super::Jira;
use super::state::{State, status, time};
use super::transitions::text_of;

impl Jira {
    /// Applies fields and perhaps a status. Nothing that stays the same is an item; no item is no change.
    pub(super) fn change(
        &self,
        state: &mut State,
        id: u64,
        fields: Map<String, Value>,
        to: Option<&'static str>,
        user: &str,
    ) {
        let number = state.number();
        let now = self.clock.now();
        let cloud = self.is_cloud();
        let Some(issue) = state.issues.get_mut(&id) else { return };
        let mut items = Vec::new();
        for (name, value) in fields {
            let before = issue.fields.insert(name.clone(), value.clone()).unwrap_or(Value::Null);
            if before != value {
                let mut item = json!({
                    "field": name, "fieldtype": "jira", "from": null, "fromString": text_of(&before),
                    "to": null, "toString": text_of(&value),
                });
                if cloud {
                    item["fieldId"] = name.into();
                    // Its description of the API has no null here.
                    if let Some(item) = item.as_object_mut() {
                        item.retain(|_, value| !value.is_null());
                    }
                }
                items.push(item);
            }
        }
        if let Some(to) = to.filter(|to| *to != issue.status) {
            let (from_id, from_name, _) = status(issue.status);
            let (to_id, to_name, category) = status(to);
            issue.status = to;
            if category != "done" {
                issue.fields.insert("resolution".into(), Value::Null);
            }
            let mut item = json!({
                "field": "status", "fieldtype": "jira", "from": from_id, "fromString": from_name,
                "to": to_id, "toString": to_name,
            });
            if cloud {
                item["fieldId"] = "status".into();
            }
            items.push(item);
        }
        if items.is_empty() {
            return;
        }
        // Two changes in one instant still have different times, as with the vendor's milliseconds.
        let least = issue.updated.plus(std::time::Duration::from_millis(1));
        issue.updated = now.max(least);
        let author = self.user(user);
        let history = json!({ "id": number.to_string(), "author": author, "created": time(issue.updated), "items": items });
        issue.changes.push(history.clone());
        self.announce(state, id, "jira:issue_updated", user, Some(&history));
    }

    /// Something about the issue changed that its fields do not show.
    pub(super) fn touch(&self, state: &mut State, id: u64) {
        let now = self.clock.now();
        if let Some(issue) = state.issues.get_mut(&id) {
            let least = issue.updated.plus(std::time::Duration::from_millis(1));
            issue.updated = now.max(least);
        }
    }
}
