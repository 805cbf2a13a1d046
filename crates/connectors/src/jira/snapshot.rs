//! A ticket as it was read, and the marks by which its changes are known again.

use serde_json::{Map, Value};

use super::config::Config;
use super::place::PROPERTY;
use super::text;
use crate::protocol::{Fact, FactKind, Receipt, RemoteRef, Snapshot};
use crate::vendor::iso;

impl Config {
    pub(super) fn remote(&self, issue: &Value) -> RemoteRef {
        let key = issue["key"].as_str().map(String::from);
        let url = self.site.as_ref().zip(key.as_ref());
        RemoteRef {
            id: issue["id"].as_str().unwrap_or_default().into(),
            url: url.map(|(site, key)| format!("{}/browse/{key}", site.trim_end_matches('/'))),
            key,
        }
    }

    pub(super) fn snapshot(&self, issue: &Value) -> Snapshot {
        let fields = &issue["fields"];
        let updated = fields["updated"].as_str().unwrap_or_default();
        Snapshot {
            version: updated.into(),
            rank: iso(updated).and_then(|at| u64::try_from(at.micros()).ok()),
            status: self.status_of(&fields["status"]),
            vendor_status: fields["status"]["name"].as_str().unwrap_or_default().into(),
            fields: self.neutral(fields),
        }
    }

    /// The neutral fields of a ticket, plain.
    pub(super) fn neutral(&self, fields: &Value) -> Map<String, Value> {
        let mut neutral = Map::new();
        neutral.insert("title".into(), fields["summary"].clone());
        neutral.insert("text".into(), text::plain(&fields["description"]).into());
        for (name, field) in &self.synced {
            neutral.insert(name.clone(), field.to_neutral(&fields[&field.field]));
        }
        neutral
    }

    /// The fact that a ticket was read. Its version is its mark: an own write has recorded the same.
    pub(super) fn seen(&self, issue: &Value) -> Fact {
        let snapshot = self.snapshot(issue);
        let id = issue["id"].as_str().unwrap_or_default();
        let mark = version_mark(id, &snapshot.version);
        Fact {
            remote: self.remote(issue),
            key: issue["properties"][PROPERTY]["key"].as_str().map(String::from),
            dedupe: mark.0.clone(),
            receipts: vec![mark],
            at: iso(&snapshot.version),
            by: None,
            kind: FactKind::Seen(snapshot),
        }
    }
}

/// A state of a ticket.
pub(super) fn version_mark(id: &str, updated: &str) -> Receipt {
    Receipt(format!("jira:version:{id}:{updated}"))
}

/// An entry of a changelog.
pub(super) fn change_mark(id: &str) -> Receipt {
    Receipt(format!("jira:changelog:{id}"))
}

/// A comment.
pub(super) fn comment_mark(id: &str) -> Receipt {
    Receipt(format!("jira:comment:{id}"))
}

fn number(history: &Value) -> u64 {
    history["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or(0)
}

fn histories(issue: &Value) -> &[Value] {
    issue["changelog"]["histories"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The id of the newest entry of the changelog; ids only grow.
pub(super) fn newest_change(issue: &Value) -> u64 {
    histories(issue).iter().map(number).max().unwrap_or(0)
}

/// The entries since `last`: those that are ours, and whether there are others.
///
/// Ours are by our account, where it is known, and touch nothing but what we wrote.
pub(super) fn own_changes(
    issue: &Value,
    last: u64,
    wrote: &[String],
    account: Option<&str>,
) -> (Vec<Receipt>, bool) {
    let (mut own, mut others) = (Vec::new(), false);
    for history in histories(issue).iter().filter(|history| number(history) > last) {
        let author = &history["author"];
        let by_us =
            account.is_none_or(|us| author["accountId"] == us || author["name"] == us || author["key"] == us);
        let items = history["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let touches = |item: &Value| {
            wrote.iter().any(|field| item["fieldId"] == field.as_str() || item["field"] == field.as_str())
        };
        if by_us && items.iter().all(touches) {
            own.push(change_mark(history["id"].as_str().unwrap_or_default()));
        } else {
            others = true;
        }
    }
    (own, others)
}
