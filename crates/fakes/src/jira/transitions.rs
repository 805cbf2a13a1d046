//! The workflow: only what leads on from the current status is offered.

use serde_json::{Map, Value, json};

use super::issues::MISSING;
use super::state::{RESOLUTIONS, State, WORKFLOW, status};
use super::{Jira, error, field_errors};
use crate::http::{Reply, Request};

impl Jira {
    pub(super) fn transitions(&self, state: &State, request: &Request, id: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        let with_fields =
            request.parameter("expand").is_some_and(|expand| expand.contains("transitions.fields"));
        let offered: Vec<Value> = WORKFLOW
            .iter()
            .filter(|(_, _, from, ..)| *from == state.issues[&id].status)
            .map(|(id, name, _, to, asks)| {
                let (to_id, to_name, category) = status(to);
                let mut transition = json!({
                    "id": id, "name": name, "hasScreen": asks, "isGlobal": false, "isInitial": false,
                    "isConditional": false, "isAvailable": true,
                    "to": { "id": to_id, "name": to_name, "statusCategory": { "key": category } },
                });
                if with_fields {
                    transition["fields"] = if *asks { resolution_field() } else { json!({}) };
                }
                transition
            })
            .collect();
        Reply::json(200, &json!({ "expand": "transitions", "transitions": offered }))
    }

    pub(super) fn transition(&self, state: &mut State, request: &Request, id: &str, user: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        let Some(body) = request.json() else { return error(400, "There was an error parsing JSON.") };
        // The vendor's parser takes a number for its text.
        let wanted = match &body["transition"]["id"] {
            Value::String(id) => id.clone(),
            other => other.to_string(),
        };
        let from = state.issues[&id].status;
        let Some((_, _, _, to, asks)) =
            WORKFLOW.iter().find(|(known, _, start, ..)| *known == wanted && *start == from)
        else {
            return error(
                400,
                "It seems that you have tried to perform a workflow operation that is not valid for the current state of this issue.",
            );
        };
        let fields = body["fields"].as_object().cloned().unwrap_or_default();
        let resolution = match resolution(&fields, *asks) {
            Ok(resolution) => resolution,
            Err(errors) => return field_errors(errors),
        };
        if let Some(comments) = body["update"]["comment"].as_array() {
            for comment in comments {
                match self.text(&comment["add"]["body"]) {
                    Ok(text) => drop(self.add_comment(state, id, user, text, &Value::Null)),
                    Err(message) => return field_errors(vec![("comment".into(), message)]),
                }
            }
        }
        state.writes += 1;
        self.change(state, id, resolution, Some(to), user);
        Reply::empty(204)
    }
}

fn resolution_field() -> Value {
    let allowed: Vec<Value> =
        RESOLUTIONS.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect();
    json!({ "resolution": {
        "required": true, "name": "Resolution", "key": "resolution", "operations": ["set"],
        "schema": { "type": "resolution", "system": "resolution" }, "allowedValues": allowed,
    }})
}

fn resolution(fields: &Map<String, Value>, asks: bool) -> Result<Map<String, Value>, Vec<(String, String)>> {
    if let Some(name) = fields.keys().find(|name| *name != "resolution" || !asks) {
        let message =
            format!("Field '{name}' cannot be set. It is not on the appropriate screen, or unknown.");
        return Err(vec![(name.clone(), message)]);
    }
    if !asks {
        return Ok(Map::new());
    }
    let given = fields.get("resolution").unwrap_or(&Value::Null);
    let chosen = RESOLUTIONS.iter().find(|(id, name)| given["id"] == *id || given["name"] == *name);
    let (id, name) =
        chosen.ok_or_else(|| vec![("resolution".to_owned(), "Resolution is required.".to_owned())])?;
    Ok(Map::from_iter([("resolution".to_owned(), json!({ "id": id, "name": name }))]))
}

/// A value as the changelog shows it.
pub(crate) fn text_of(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(text) => text.clone().into(),
        Value::Array(items) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            words.join(" ").into()
        }
        Value::Object(object) => object
            .get("name")
            .or_else(|| object.get("value"))
            .cloned()
            .unwrap_or_else(|| adf_text(value).into()),
        other => other.to_string().into(),
    }
}

/// The bare text of an ADF document.
pub(crate) fn adf_text(node: &Value) -> String {
    let own = node["text"].as_str().unwrap_or_default().to_owned();
    let children = node["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    let inner: Vec<String> = children.iter().map(adf_text).collect();
    let between = if node["type"] == "doc" { "\n" } else { "" };
    own + &inner.join(between)
}
