//! Opening a ticket: what the project asks for, the creation, the link back, the read-back.

use ledger::time::Timestamp;
use serde_json::{Map, Value, json};

use super::config::Config;
use super::place::PROPERTY;
use super::{At, respond, text};
use crate::protocol::{
    Failure, FailureKind, Intent, Method, Plan, RemoteRef, Repeat, Response, Step, Ticket,
};
use crate::template;
use crate::vendor::encode;

/// Jira's bound of a summary.
const SUMMARY_MAX_CHARS: usize = 255;
const META_PAGE: u64 = 50;

impl Config {
    /// What does a creation ask for?
    pub(super) fn create_meta(&self, start: u64) -> Plan {
        let path = format!(
            "{}/issue/createmeta/{}/issuetypes/{}?startAt={start}&maxResults={META_PAGE}",
            self.api(),
            encode(&self.project),
            encode(&self.issue_type)
        );
        Plan::get(path, "GET /issue/createmeta").then(At::CreateMeta { start }.value())
    }

    /// Checks our fields against a page of what there is; after the last page, creates.
    pub(super) fn meta_read(
        &self,
        intent: &Intent,
        ticket: &Ticket,
        start: u64,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let page = respond::json(response, now).map_err(|failure| match failure.kind {
            FailureKind::Missing => Failure { kind: FailureKind::NeedsConfiguration, ..failure }
                .field("/issue_type")
                .hint("the project or its issue type is not there, or the account may not create in it"),
            _ => failure,
        })?;
        let fields = self.creation(intent, ticket)?;
        let described = described(&page);
        for field in described {
            self.check_field(field, &fields)?;
        }
        let read = start + described.len() as u64;
        let total = page["total"].as_u64().unwrap_or(0);
        if !described.is_empty() && read < total {
            return Ok(Step::send(self.create_meta(read)));
        }
        let body = json!({
            "fields": fields,
            "properties": [{ "key": PROPERTY, "value": { "tenant": intent.tenant, "key": intent.key, "intent": intent.id } }],
        });
        let plan = Plan::new(Method::Post, format!("{}/issue", self.api()), Repeat::Once, "POST /issue");
        Ok(Step::send(plan.json(body).then(At::Create {}.value())))
    }

    /// Required and not set, or set to what is not among its values.
    fn check_field(&self, described: &Value, ours: &Map<String, Value>) -> Result<(), Failure> {
        let id = described["fieldId"].as_str().or(described["key"].as_str()).unwrap_or_default();
        let name = described["name"].as_str().unwrap_or(id);
        let needed = described["required"] == true && described["hasDefaultValue"] != true;
        let Some(value) = ours.get(id) else {
            if needed {
                let message = format!("the project asks for {name} ({id}), and the mapping does not set it");
                return Err(Failure::new(FailureKind::NeedsConfiguration, message)
                    .field(id)
                    .hint("add it to the mapping's fields"));
            }
            return Ok(());
        };
        let Some(allowed) = described["allowedValues"].as_array().filter(|allowed| !allowed.is_empty())
        else {
            return Ok(());
        };
        let matches = |allowed: &Value| {
            ["id", "name", "value"].iter().any(|key| value.get(key).is_some_and(|own| *own == allowed[key]))
        };
        if value.is_object() && !allowed.iter().any(matches) {
            let offered = allowed.iter().filter_map(|v| v["name"].as_str().or(v["value"].as_str()));
            let message = format!("{name} ({id}) has no value {value}");
            return Err(Failure::new(FailureKind::NeedsConfiguration, message)
                .field(id)
                .offered(offered.map(String::from).collect()));
        }
        Ok(())
    }

    /// The fields of a new ticket.
    fn creation(&self, intent: &Intent, ticket: &Ticket) -> Result<Map<String, Value>, Failure> {
        let mut scope = ticket.facts.clone();
        for (name, value) in [
            ("title", json!(ticket.title)),
            ("text", json!(ticket.text.to_plain())),
            ("url", json!(ticket.url)),
            ("tenant", json!(intent.tenant)),
            ("key", json!(intent.key)),
        ] {
            scope.insert(name.into(), value);
        }
        let scope = Value::Object(scope);
        let mut fields = Map::new();
        for (name, field) in &self.synced {
            if let Some(value) = scope.get(name).filter(|value| !value.is_null()) {
                fields.insert(field.field.clone(), self.to_vendor(name, value)?);
            }
        }
        for (name, template) in &self.fields {
            let filled = template::fill(template, &scope).map_err(|error| {
                Failure::new(FailureKind::NeedsConfiguration, error.to_string())
                    .field(format!("/fields/{name}"))
            })?;
            fields.extend(filled.map(|value| (name.clone(), value)));
        }
        let mut labels = vec![json!(self.label), json!(self.label_of(intent))];
        labels.extend(fields.get("labels").and_then(Value::as_array).cloned().unwrap_or_default());
        for (name, value) in [
            ("project", json!({ "key": self.project })),
            ("issuetype", json!({ "id": self.issue_type })),
            ("summary", summary(&ticket.title).into()),
            ("labels", labels.into()),
        ] {
            fields.insert(name.into(), value);
        }
        fields.entry("description").or_insert_with(|| text::write(&ticket.text, self.deployment));
        Ok(fields)
    }

    pub(super) fn to_vendor(&self, name: &str, value: &Value) -> Result<Value, Failure> {
        let mapped = self.synced.get(name).and_then(|field| field.to_vendor(value));
        mapped.ok_or_else(|| {
            let message = format!("the mapping has no value for {name} = {value}");
            Failure::new(FailureKind::NeedsConfiguration, message).field(format!("/synced/{name}"))
        })
    }

    pub(super) fn created(
        &self,
        intent: &Intent,
        ticket: &Ticket,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let created = respond::json(response, now)?;
        let remote = self.remote(&created);
        if remote.id.is_empty() {
            return Err(Failure::new(FailureKind::Malformed, "the creation's answer names no id"));
        }
        Ok(Step::send(match &ticket.url {
            Some(url) => self.link(intent, ticket, &remote, url),
            None => self.read_back(&remote, 0, Vec::new(), Vec::new(), Vec::new()),
        }))
    }

    /// A link by its global id: twice is as once.
    fn link(&self, intent: &Intent, ticket: &Ticket, remote: &RemoteRef, url: &str) -> Plan {
        let body = json!({
            "globalId": format!("system=aigov&id={}", intent.key),
            "application": { "type": "org.integration-ledger", "name": "Integration Ledger" },
            "relationship": "evidence",
            "object": { "url": url, "title": summary(&ticket.title), "status": { "resolved": false } },
        });
        let path = self.issue(remote, "/remotelink");
        Plan::new(Method::Post, path, Repeat::Same, "POST /issue/remotelink")
            .json(body)
            .then(At::Link { remote: remote.clone() }.value())
    }

    /// The ticket is there with or without its link.
    pub(super) fn linked(&self, remote: RemoteRef, response: &Response) -> Step {
        let notes = if response.is_success() {
            Vec::new()
        } else {
            vec![format!("the link back was refused: HTTP {}", response.status)]
        };
        Step::send(self.read_back(&remote, 0, Vec::new(), notes, Vec::new()))
    }

    /// Reads a ticket after a change.
    pub(super) fn read_back(
        &self,
        remote: &RemoteRef,
        last: u64,
        wrote: Vec<String>,
        notes: Vec<String>,
        receipts: Vec<String>,
    ) -> Plan {
        self.read(remote).then(At::After { last, wrote, notes, receipts }.value())
    }
}

/// Cloud says `fields`, Data Center `values`.
pub(super) fn described(page: &Value) -> &[Value] {
    page["fields"].as_array().or(page["values"].as_array()).map(Vec::as_slice).unwrap_or_default()
}

/// One line, cut to its bound.
pub(super) fn summary(title: &str) -> String {
    let line = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SUMMARY_MAX_CHARS {
        return line;
    }
    let cut: String = line.chars().take(SUMMARY_MAX_CHARS - 1).collect();
    format!("{cut}…")
}
