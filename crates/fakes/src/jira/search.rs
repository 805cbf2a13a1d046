//! Searching: pages by token in Cloud, by offset in Data Center, over an index that lags.

use serde_json::{Value, json};

use super::jql::{self, Query};
use super::state::State;
use super::{Jira, error};
use crate::http::{Reply, Request};

impl Jira {
    pub(super) fn search_cloud(&self, state: &mut State, request: &Request, method: &str) -> Reply {
        let body = if method == "GET" { Some(of_query(request)) } else { request.json() };
        let Some(body) = body else { return error(400, "There was an error parsing JSON.") };
        let known = [
            "jql",
            "fields",
            "maxResults",
            "nextPageToken",
            "reconcileIssues",
            "properties",
            "expand",
            "fieldsByKeys",
        ];
        if let Some(unknown) = super::issues::unknown_member(&body, &known) {
            return error(400, &format!("Unrecognized field \"{unknown}\""));
        }
        let query = match jql::parse(body["jql"].as_str().unwrap_or_default()) {
            Ok(query) => query,
            Err(message) => return error(400, &message),
        };
        let reconciled: Vec<u64> = body["reconcileIssues"]
            .as_array()
            .map(|ids| ids.iter().filter_map(Value::as_u64).collect())
            .unwrap_or_default();
        let ids = self.found(state, &query, &reconciled);
        let start = match body["nextPageToken"].as_str() {
            None => 0,
            Some(token) => match token.strip_prefix("page-").and_then(|n| n.parse().ok()) {
                Some(start) => start,
                None => return error(400, "The nextPageToken is invalid."),
            },
        };
        let most = body["maxResults"]
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(50)
            .min(self.settings.page_max);
        // Without a wish only ids come back.
        let wanted = list(&body["fields"]);
        let wanted: Vec<&str> =
            if wanted.is_empty() { vec!["id"] } else { wanted.iter().map(String::as_str).collect() };
        let page: Vec<Value> = ids
            .iter()
            .skip(start)
            .take(most)
            .map(|id| {
                let mut issue = self.render(&state.issues[id], &wanted);
                let names = list(&body["properties"]);
                if !names.is_empty() {
                    let own = &state.issues[id].properties;
                    issue["properties"] =
                        names.iter().filter_map(|n| own.get(n).map(|v| (n.clone(), v.clone()))).collect();
                }
                issue
            })
            .collect();
        let end = start + page.len();
        let mut answer = json!({ "issues": page, "isLast": end >= ids.len() });
        if end < ids.len() {
            answer["nextPageToken"] = format!("page-{end}").into();
        }
        Reply::json(200, &answer)
    }

    pub(super) fn search_dc(&self, state: &mut State, request: &Request, method: &str) -> Reply {
        let body = if method == "POST" { request.json().unwrap_or_default() } else { Value::Null };
        let text = |name: &str| {
            body[name]
                .as_str()
                .map(String::from)
                .or_else(|| request.parameter(name).map(String::from))
                .unwrap_or_default()
        };
        let number = |name: &str, otherwise: usize| {
            let given = body[name].as_u64().and_then(|n| usize::try_from(n).ok());
            given.unwrap_or_else(|| request.number(name, otherwise))
        };
        let query = match jql::parse(&text("jql")) {
            Ok(query) => query,
            Err(message) => return error(400, &message),
        };
        let ids = self.found(state, &query, &[]);
        let (start, most) = (number("startAt", 0), number("maxResults", 50).min(self.settings.page_max));
        let wanted = list(&body["fields"]);
        let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        if let Some(names) = request.parameter("fields") {
            wanted.extend(names.split(','));
        }
        let page: Vec<Value> =
            ids.iter().skip(start).take(most).map(|id| self.render(&state.issues[id], &wanted)).collect();
        let answer = json!({ "startAt": start, "maxResults": most, "total": ids.len(), "issues": page });
        Reply::json(200, &answer)
    }

    /// What the index knows. Each search lets it catch up by one.
    fn found(&self, state: &mut State, query: &Query, reconciled: &[u64]) -> Vec<u64> {
        let now = self.clock.now();
        let mut found = Vec::new();
        for issue in state.issues.values_mut() {
            let indexed = issue.unseen_searches == 0 || reconciled.contains(&issue.id);
            if indexed && query.matches(issue, now) {
                found.push((issue.updated, issue.id));
            }
            issue.unseen_searches = issue.unseen_searches.saturating_sub(1);
        }
        if query.by_update {
            found.sort_unstable();
        }
        found.into_iter().map(|(_, id)| id).collect()
    }
}

/// The same wish as parameters of a GET.
fn of_query(request: &Request) -> Value {
    let fields: Vec<&str> = request
        .query
        .iter()
        .filter(|(name, _)| name == "fields")
        .flat_map(|(_, value)| value.split(','))
        .collect();
    let mut body = json!({ "jql": request.parameter("jql"), "fields": fields });
    if let Some(token) = request.parameter("nextPageToken") {
        body["nextPageToken"] = token.into();
    }
    body["maxResults"] = request.number("maxResults", 50).into();
    body
}

fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(String::from)).collect()
}
