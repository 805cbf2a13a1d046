//! What hangs on an issue: comments, attachments, properties, remote links, its changelog.

use serde_json::{Value, json};

use super::issues::MISSING;
use super::state::{State, time};
use super::{Jira, error, field_errors};
use crate::http::{Reply, Request, multipart};

/// A property's value is at most this long.
const PROPERTY_MAX_BYTES: usize = 32_768;

impl Jira {
    pub(super) fn changelog(&self, state: &State, request: &Request, id: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        let changes = &state.issues[&id].changes;
        let start = request.number("startAt", 0);
        let page: Vec<&Value> = changes.iter().skip(start).take(request.number("maxResults", 100)).collect();
        let last = start + page.len() >= changes.len();
        let body = json!({ "startAt": start, "maxResults": 100, "total": changes.len(), "isLast": last, "values": page });
        Reply::json(200, &body)
    }

    pub(super) fn comments(&self, state: &State, request: &Request, id: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        let mut comments = state.issues[&id].comments.clone();
        if request.parameter("orderBy") == Some("-created") {
            comments.reverse();
        }
        if !request.parameter("expand").is_some_and(|expand| expand.contains("properties")) {
            for comment in &mut comments {
                comment.as_object_mut().map(|comment| comment.remove("properties"));
            }
        }
        let (start, most) = (request.number("startAt", 0), request.number("maxResults", 50));
        let total = comments.len();
        let page: Vec<Value> = comments.into_iter().skip(start).take(most).collect();
        Reply::json(200, &json!({ "startAt": start, "maxResults": most, "total": total, "comments": page }))
    }

    pub(super) fn comment(&self, state: &mut State, request: &Request, id: &str, user: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        let Some(body) = request.json() else { return error(400, "There was an error parsing JSON.") };
        let text = match self.text(&body["body"]) {
            Ok(Value::Null) => {
                return field_errors(vec![("comment".into(), "Comment body can not be empty!".into())]);
            }
            Ok(text) => text,
            Err(message) => return field_errors(vec![("comment".into(), message)]),
        };
        state.writes += 1;
        let comment = self.add_comment(state, id, user, text, &body["properties"]);
        Reply::json(201, &comment)
    }

    pub(super) fn add_comment(
        &self,
        state: &mut State,
        id: u64,
        user: &str,
        body: Value,
        properties: &Value,
    ) -> Value {
        let number = state.number();
        let now = time(self.clock.now());
        let comment = json!({
            "id": number.to_string(), "author": self.user(user), "updateAuthor": self.user(user), "body": body,
            "created": now, "updated": now, "jsdPublic": true,
            "properties": properties.as_array().cloned().unwrap_or_default(),
        });
        if let Some(issue) = state.issues.get_mut(&id) {
            issue.comments.push(comment.clone());
        }
        self.touch(state, id);
        self.announce_comment(state, id, user, &comment);
        comment
    }

    pub(super) fn attach(&self, state: &mut State, request: &Request, id: &str, user: &str) -> Reply {
        let Some(id) = state.find(id) else { return error(404, MISSING) };
        if request.header("x-atlassian-token") != Some("no-check") {
            return error(403, "XSRF check failed");
        }
        let parts = multipart(request).unwrap_or_default();
        let Some((Some(name), content)) = parts.get("file") else {
            return error(415, "A multipart body with the field 'file' is needed.");
        };
        let number = state.number();
        let attachment = json!({
            "id": number.to_string(), "filename": name, "size": content.len(), "author": self.user(user),
            "created": time(self.clock.now()), "mimeType": "application/octet-stream",
            "content": format!("https://fake.atlassian.net/rest/api/{}/attachment/content/{number}", self.version()),
        });
        if let Some(issue) = state.issues.get_mut(&id) {
            issue.attachments.push(attachment.clone());
        }
        state.writes += 1;
        self.touch(state, id);
        Reply::json(200, &json!([attachment]))
    }

    pub(super) fn issue_property(
        &self,
        state: &mut State,
        request: &Request,
        method: &str,
        id: &str,
        name: &str,
    ) -> Reply {
        let Some(issue) = state.find(id).and_then(|id| state.issues.get_mut(&id)) else {
            return error(404, MISSING);
        };
        property(&mut issue.properties, request, method, name)
    }

    pub(super) fn project_property(
        &self,
        state: &mut State,
        request: &Request,
        method: &str,
        project: &str,
        name: &str,
    ) -> Reply {
        if project != super::state::PROJECT.1 {
            return error(404, "No project could be found with key.");
        }
        property(&mut state.project_properties, request, method, name)
    }

    pub(super) fn remote_links(&self, state: &mut State, request: &Request, method: &str, id: &str) -> Reply {
        let number = state.number();
        let Some(issue) = state.find(id).and_then(|id| state.issues.get_mut(&id)) else {
            return error(404, MISSING);
        };
        if method == "GET" {
            let all: Vec<Value> = issue
                .links
                .iter()
                .map(|(id, link)| {
                    let mut link = link.clone();
                    link["id"] = (*id).into();
                    link
                })
                .collect();
            return Reply::json(200, &all.into());
        }
        let Some(body) = request.json() else { return error(400, "There was an error parsing JSON.") };
        if !body["object"]["url"].is_string() || !body["object"]["title"].is_string() {
            return field_errors(vec![("object".into(), "'title' and 'url' are required.".into())]);
        }
        let known = issue
            .links
            .iter_mut()
            .find(|(_, link)| !body["globalId"].is_null() && link["globalId"] == body["globalId"]);
        let (status, id) = match known {
            Some((id, link)) => {
                *link = body;
                (200, *id)
            }
            None => {
                issue.links.push((number, body));
                (201, number)
            }
        };
        Reply::json(
            status,
            &json!({ "id": id, "self": format!("https://fake.atlassian.net/remotelink/{id}") }),
        )
    }
}

fn property(
    properties: &mut std::collections::BTreeMap<String, Value>,
    request: &Request,
    method: &str,
    name: &str,
) -> Reply {
    match method {
        "PUT" => match serde_json::from_slice::<Value>(&request.body) {
            Ok(value) if request.body.len() <= PROPERTY_MAX_BYTES && name.len() <= 255 => {
                let before = properties.insert(name.into(), value);
                Reply::empty(if before.is_some() { 200 } else { 201 })
            }
            _ => error(400, "The property value is not valid JSON or too long."),
        },
        "DELETE" => match properties.remove(name) {
            Some(_) => Reply::empty(204),
            None => error(404, "The property does not exist."),
        },
        _ => match properties.get(name) {
            Some(value) => Reply::json(200, &json!({ "key": name, "value": value })),
            None => error(404, "The property does not exist."),
        },
    }
}
