//! What there is: fields, statuses, priorities, and what a creation asks for.

use serde_json::{Value, json};

use super::fields::SETTABLE;
use super::state::{ISSUE_TYPES, PRIORITIES, PROJECT, RESOLUTIONS, STATUSES};
use super::{Jira, error};
use crate::http::{Reply, Request};

fn named(pairs: &[(&str, &str)]) -> Vec<Value> {
    pairs.iter().map(|(id, name)| json!({ "id": id, "name": name })).collect()
}

fn statuses_value() -> Vec<Value> {
    let status = |(id, name, category): &(&str, &str, &str)| json!({ "id": id, "name": name, "statusCategory": { "key": category } });
    STATUSES.iter().map(status).collect()
}

pub(super) fn statuses() -> Reply {
    Reply::json(200, &statuses_value().into())
}

pub(super) fn priorities() -> Reply {
    Reply::json(200, &named(&PRIORITIES).into())
}

pub(super) fn resolutions() -> Reply {
    Reply::json(200, &named(&RESOLUTIONS).into())
}

pub(super) fn fields() -> Reply {
    let all: Vec<Value> = SETTABLE
        .iter()
        .map(|name| json!({ "id": name, "key": name, "name": name, "custom": name.starts_with("customfield") }))
        .collect();
    Reply::json(200, &all.into())
}

pub(super) fn permissions() -> Reply {
    let permissions: serde_json::Map<String, Value> =
        ["CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES", "ADD_COMMENTS", "CREATE_ATTACHMENTS"]
            .into_iter()
            .map(|key| (key.to_owned(), json!({ "key": key, "havePermission": true })))
            .collect();
    Reply::json(200, &json!({ "permissions": permissions }))
}

fn is_project(key: &str) -> bool {
    key == PROJECT.0 || key == PROJECT.1
}

pub(super) fn project(key: &str) -> Reply {
    if !is_project(key) {
        return error(404, &format!("No project could be found with key '{key}'."));
    }
    Reply::json(
        200,
        &json!({ "id": PROJECT.0, "key": PROJECT.1, "name": PROJECT.2, "issueTypes": named(&ISSUE_TYPES) }),
    )
}

pub(super) fn project_statuses(key: &str) -> Reply {
    if !is_project(key) {
        return error(404, &format!("No project could be found with key '{key}'."));
    }
    let kinds: Vec<Value> = ISSUE_TYPES
        .iter()
        .map(|(id, name)| {
            let place = format!("https://fake.atlassian.net/rest/api/3/issuetype/{id}");
            json!({ "self": place, "id": id, "name": name, "subtask": false, "statuses": statuses_value() })
        })
        .collect();
    Reply::json(200, &kinds.into())
}

impl Jira {
    pub(super) fn server_info(&self) -> Reply {
        let (kind, version, numbers) = if self.is_cloud() {
            ("Cloud", "1001.0.0-SNAPSHOT", json!([1001, 0, 0]))
        } else {
            ("Data Center", "10.3.24", json!([10, 3, 24]))
        };
        Reply::json(
            200,
            &json!({
                "baseUrl": "https://fake.atlassian.net", "version": version, "versionNumbers": numbers,
                "deploymentType": kind, "buildNumber": 100_295, "serverTitle": "Fake Jira",
            }),
        )
    }

    pub(super) fn issue_types(&self, request: &Request, project: &str) -> Reply {
        if !is_project(project) {
            return error(404, &format!("No project could be found with key '{project}'."));
        }
        self.page(request, if self.is_cloud() { "issueTypes" } else { "values" }, named(&ISSUE_TYPES))
    }

    pub(super) fn create_fields(&self, request: &Request, project: &str, id: &str) -> Reply {
        if !is_project(project) || !ISSUE_TYPES.iter().any(|(known, _)| *known == id) {
            return error(404, "No issue type could be found.");
        }
        let field = |name: &str| {
            let required = matches!(name, "summary" | "project" | "issuetype")
                || self.settings.required.iter().any(|required| required == name);
            let allowed = match name {
                "priority" => named(&PRIORITIES),
                "customfield_10010" => {
                    ["Low", "Medium", "High"].iter().map(|v| json!({ "value": v })).collect()
                }
                _ => Vec::new(),
            };
            let mut field = json!({
                "fieldId": name, "key": name, "name": name, "required": required, "hasDefaultValue": name == "priority",
                "operations": ["set"], "schema": { "type": "string" },
            });
            if !allowed.is_empty() {
                field["allowedValues"] = allowed.into();
            }
            field
        };
        let all = ["project", "issuetype"].iter().chain(&SETTABLE).map(|name| field(name)).collect();
        self.page(request, if self.is_cloud() { "fields" } else { "values" }, all)
    }

    fn page(&self, request: &Request, name: &str, all: Vec<Value>) -> Reply {
        let (start, most) =
            (request.number("startAt", 0), request.number("maxResults", 50).min(self.settings.page_max));
        let total = all.len();
        let page: Vec<Value> = all.into_iter().skip(start).take(most).collect();
        let mut answer = json!({ "startAt": start, "maxResults": most, "total": total });
        if name == "values" {
            answer["isLast"] = (start + page.len() >= total).into();
        }
        answer[name] = page.into();
        Reply::json(200, &answer)
    }
}
