//! A record as it was read, and the mark of its state.

use serde_json::{Map, Value};

use super::config::Config;
use crate::protocol::{Fact, FactKind, Receipt, RemoteRef, Snapshot};
use crate::vendor::iso;

/// A value of a record; every value is a string.
pub(super) fn text<'a>(record: &'a Value, column: &str) -> &'a str {
    record[column].as_str().unwrap_or_default()
}

/// How often the record has been changed.
pub(super) fn count(record: &Value) -> u64 {
    text(record, "sys_mod_count").parse().unwrap_or(0)
}

/// The mark of this state of a record.
pub(super) fn mark(record: &Value) -> Receipt {
    Receipt(format!("servicenow:{}:{}", text(record, "sys_id"), text(record, "sys_mod_count")))
}

impl Config {
    pub(super) fn remote(&self, record: &Value) -> RemoteRef {
        let id = text(record, "sys_id");
        let url = |site: &String| {
            format!("{}/nav_to.do?uri={}.do%3Fsys_id%3D{id}", site.trim_end_matches('/'), self.table)
        };
        RemoteRef {
            id: id.into(),
            key: Some(text(record, "number").into()).filter(|number: &String| !number.is_empty()),
            url: self.site.as_ref().map(url),
        }
    }

    pub(super) fn snapshot(&self, record: &Value) -> Snapshot {
        let state = text(record, "state");
        Snapshot {
            version: text(record, "sys_mod_count").into(),
            rank: text(record, "sys_mod_count").parse().ok(),
            status: self.status_of(state),
            vendor_status: state.into(),
            fields: self.neutral(record),
        }
    }

    pub(super) fn neutral(&self, record: &Value) -> Map<String, Value> {
        let mut neutral = Map::new();
        neutral.insert("title".into(), text(record, "short_description").into());
        neutral.insert("text".into(), text(record, "description").trim().into());
        for (name, field) in &self.synced {
            neutral.insert(name.clone(), field.to_neutral(&record[&field.field]));
        }
        neutral
    }

    pub(super) fn seen(&self, record: &Value) -> Fact {
        let mark = mark(record);
        // UTC without saying so.
        let at = format!("{}Z", text(record, "sys_updated_on"));
        Fact {
            kind: FactKind::Seen(self.snapshot(record)),
            remote: self.remote(record),
            key: Some(text(record, "correlation_id").into()).filter(|key: &String| !key.is_empty()),
            dedupe: mark.0.clone(),
            receipts: vec![mark],
            at: iso(&at),
            by: record["sys_updated_by"].as_str().map(String::from),
        }
    }
}
