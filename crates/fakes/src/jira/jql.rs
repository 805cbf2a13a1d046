//! The part of JQL that integrations use: clauses joined by AND, then an order.

use ledger::time::Timestamp;
use serde_json::Value;
use std::time::Duration;

use super::state::{Issue, PROJECT};

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Clause {
    Project(String),
    Label(String),
    UpdatedSince(Duration),
    Id(Vec<String>),
}

/// A query, and whether the oldest change comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) clauses: Vec<Clause>,
    pub(crate) by_update: bool,
}

/// Reads a query; the refusal is in the vendor's words.
pub(crate) fn parse(text: &str) -> Result<Query, String> {
    let lower = text.to_ascii_lowercase();
    let (conditions, order) = match lower.find("order by") {
        Some(at) => (&text[..at], lower[at + 8..].trim().to_owned()),
        None => (text, String::new()),
    };
    let mut clauses = Vec::new();
    for condition in split_and(conditions.trim()) {
        clauses.push(clause(condition.trim())?);
    }
    if clauses.is_empty() {
        return Err(
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
                .into(),
        );
    }
    match order.split_whitespace().next() {
        None | Some("updated" | "created" | "key" | "id") => {}
        Some(other) => {
            return Err(format!("Field '{other}' does not exist or you do not have permission to view it."));
        }
    }
    Ok(Query { clauses, by_update: order.starts_with("updated") })
}

/// At every AND that does not stand within quotes.
fn split_and(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    let lower = text.to_ascii_lowercase();
    for (at, byte) in text.bytes().enumerate() {
        quoted ^= byte == b'"';
        if !quoted && lower[at..].starts_with(" and ") {
            parts.push(&text[start..at]);
            start = at + 5;
        }
    }
    if start < text.len() {
        parts.push(&text[start..]);
    }
    parts
}

fn clause(text: &str) -> Result<Clause, String> {
    let refused = || format!("Error in the JQL Query: Expecting a field name or operator near '{text}'.");
    let at = text.find(|c: char| c.is_whitespace() || "=<>".contains(c)).ok_or_else(refused)?;
    let (field, rest) = (text[..at].to_ascii_lowercase(), text[at..].trim());
    let unquote = |value: &str| value.trim().trim_matches('"').to_owned();
    match field.as_str() {
        "project" => rest.strip_prefix('=').map(|value| Clause::Project(unquote(value))).ok_or_else(refused),
        "labels" => rest.strip_prefix('=').map(|value| Clause::Label(unquote(value))).ok_or_else(refused),
        "updated" => {
            let value = unquote(rest.strip_prefix(">=").ok_or_else(refused)?);
            let minutes =
                value.strip_prefix('-').and_then(|v| v.strip_suffix('m')).and_then(|v| v.parse::<u64>().ok());
            minutes
                .map(|minutes| Clause::UpdatedSince(Duration::from_secs(minutes * 60)))
                .ok_or_else(|| format!("Date value '{value}' for field 'updated' is invalid."))
        }
        "id" | "key" | "issue" => {
            let list = match rest.strip_prefix('=') {
                Some(one) => vec![unquote(one)],
                None => {
                    let inner = rest.strip_prefix("in").map(str::trim).and_then(|v| v.strip_prefix('('));
                    let inner = inner.and_then(|v| v.strip_suffix(')')).ok_or_else(refused)?;
                    inner.split(',').map(unquote).collect()
                }
            };
            Ok(Clause::Id(list))
        }
        other => Err(format!("Field '{other}' does not exist or you do not have permission to view it.")),
    }
}

impl Query {
    pub(crate) fn matches(&self, issue: &Issue, now: Timestamp) -> bool {
        self.clauses.iter().all(|clause| match clause {
            Clause::Project(name) => [PROJECT.0, PROJECT.1, PROJECT.2].contains(&name.as_str()),
            Clause::Label(label) => {
                let labels = issue.fields.get("labels").and_then(Value::as_array);
                labels.is_some_and(|labels| labels.iter().any(|own| own == label.as_str()))
            }
            // Minutes only: the vendor cuts the present to its minute.
            Clause::UpdatedSince(window) => now.since(issue.updated) <= *window + Duration::from_secs(59),
            Clause::Id(list) => {
                list.iter().any(|wanted| *wanted == issue.key || *wanted == issue.id.to_string())
            }
        })
    }
}
