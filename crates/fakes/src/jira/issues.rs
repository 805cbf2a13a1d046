//! Issues: created, read, edited, deleted.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::state::{Issue, PROJECT, State, status, time};
use super::{Jira, error, field_errors};
use crate::http::{Reply, Request};

pub(crate) const MISSING: &str = "Issue does not exist or you do not have permission to see it.";

impl Jira {
    pub(super) fn create(&self, state: &mut State, request: &Request, user: &str) -> Reply {
        let Some(body) = request.json() else { return error(400, "There was an error parsing JSON.") };
        let empty = Map::new();
        if let Some(unknown) =
            unknown_member(&body, &["fields", "update", "properties", "transition", "historyMetadata"])
        {
            return error(400, &format!("Unrecognized field \"{unknown}\""));
        }
        let fields = match self.check_fields(body["fields"].as_object().unwrap_or(&empty), true) {
            Ok(fields) => fields,
            Err(errors) => return field_errors(errors),
        };
        let mut properties = BTreeMap::new();
        for property in body["properties"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let Some(key) = property["key"].as_str().filter(|key| key.len() <= 255) else {
                return error(400, "A property needs a key.");
            };
            properties.insert(key.to_owned(), property["value"].clone());
        }
        let now = self.clock.now();
        let id = state.next;
        state.next += 1;
        state.writes += 1;
        let key = format!("{}-{}", PROJECT.1, id - 10_000);
        let issue = Issue {
            id,
            key: key.clone(),
            fields,
            status: "10100",
            created: now,
            updated: now,
            creator: user.into(),
            properties,
            links: Vec::new(),
            comments: Vec::new(),
            attachments: Vec::new(),
            changes: Vec::new(),
            unseen_searches: self.settings.hidden_from_searches,
        };
        state.issues.insert(id, issue);
        self.announce(state, id, "jira:issue_created", user, None);
        let place = format!("https://fake.atlassian.net/rest/api/{}/issue/{id}", self.version());
        Reply::json(201, &json!({ "id": id.to_string(), "key": key, "self": place }))
    }

    pub(super) fn read(&self, state: &State, request: &Request, id: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        let expand = request.parameter("expand").unwrap_or_default();
        let wanted: Vec<&str> =
            request.parameter("fields").map(|f| f.split(',').collect()).unwrap_or_default();
        let mut rendered = self.render(&state.issues[&id], &wanted);
        if expand.split(',').any(|part| part == "changelog") {
            // The newest first.
            let histories: Vec<&Value> = state.issues[&id].changes.iter().rev().collect();
            let total = histories.len();
            rendered["changelog"] =
                json!({ "startAt": 0, "maxResults": total, "total": total, "histories": histories });
        }
        if let Some(names) = request.parameter("properties") {
            let issue = &state.issues[&id];
            let properties: Map<String, Value> = names
                .split(',')
                .filter_map(|name| issue.properties.get(name).map(|value| (name.to_owned(), value.clone())))
                .collect();
            rendered["properties"] = Value::Object(properties);
        }
        Reply::json(200, &rendered)
    }

    pub(super) fn edit(&self, state: &mut State, request: &Request, id: &str, user: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        let Some(body) = request.json() else { return error(400, "There was an error parsing JSON.") };
        let empty = Map::new();
        let mut fields = match self.check_fields(body["fields"].as_object().unwrap_or(&empty), false) {
            Ok(fields) => fields,
            Err(errors) => return field_errors(errors),
        };
        // The only operation of `update` that is known here: labels added and removed one by one.
        if let Some(operations) = body["update"]["labels"].as_array() {
            let mut labels: Vec<Value> =
                state.issues[&id].fields.get("labels").and_then(Value::as_array).cloned().unwrap_or_default();
            for operation in operations {
                labels.retain(|label| *label != operation["remove"] && *label != operation["add"]);
                labels.extend(operation.get("add").cloned());
            }
            fields.insert("labels".into(), labels.into());
        }
        for property in body["properties"].as_array().map(Vec::as_slice).unwrap_or_default() {
            if let (Some(key), Some(issue)) = (property["key"].as_str(), state.issues.get_mut(&id)) {
                issue.properties.insert(key.into(), property["value"].clone());
            }
        }
        state.writes += 1;
        self.change(state, id, fields, None, user);
        Reply::empty(204)
    }

    pub(super) fn delete(&self, state: &mut State, id: &str, user: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        state.writes += 1;
        self.announce(state, id, "jira:issue_deleted", user, None);
        state.issues.remove(&id);
        Reply::empty(204)
    }

    /// An issue as the API shows it; no wish means all fields.
    pub(super) fn render(&self, issue: &Issue, wanted: &[&str]) -> Value {
        let (status_id, status_name, category) = status(issue.status);
        let mut fields = issue.fields.clone();
        fields.insert("project".into(), json!({ "id": PROJECT.0, "key": PROJECT.1, "name": PROJECT.2 }));
        fields.insert(
            "status".into(),
            json!({ "id": status_id, "name": status_name, "statusCategory": { "key": category } }),
        );
        for (name, value) in [
            ("created", Value::String(time(issue.created))),
            ("updated", Value::String(time(issue.updated))),
            ("creator", self.user(&issue.creator)),
            ("attachment", issue.attachments.clone().into()),
        ] {
            fields.insert(name.into(), value);
        }
        for absent in ["description", "resolution", "assignee", "duedate", "priority"] {
            fields.entry(absent).or_insert(Value::Null);
        }
        fields.entry("labels").or_insert_with(|| json!([]));
        let all = wanted.is_empty() || wanted.contains(&"*all") || wanted.contains(&"*navigable");
        fields.retain(|name, _| all || wanted.contains(&name.as_str()));
        let place = format!("https://fake.atlassian.net/rest/api/{}/issue/{}", self.version(), issue.id);
        json!({ "id": issue.id.to_string(), "key": issue.key, "self": place, "fields": fields })
    }
}

pub(crate) fn unknown_member<'a>(body: &'a Value, known: &[&str]) -> Option<&'a String> {
    body.as_object()?.keys().find(|name| !known.contains(&name.as_str()))
}
