//! What an instance knows.

use std::collections::{BTreeMap, BTreeSet};

use ledger::time::Timestamp;
use serde_json::{Map, Value};

use super::auth::Access;
use crate::http::Message;

/// A record: every value is a string, as the Table API gives it.
pub(crate) type Record = BTreeMap<String, String>;

/// How an instance is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may come in.
    pub access: Access,
    /// Where the business rule posts changes to, and the secret that signs them.
    pub business_rule: Option<(String, String)>,
    /// An invalid part of a query gives no rows, instead of being ignored (the default of the vendor).
    pub invalid_query_gives_nothing: bool,
    /// The choices of `close_code`.
    pub close_codes: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access: Access::default(),
            business_rule: None,
            invalid_query_gives_nothing: false,
            close_codes: vec![
                "Solution provided".into(),
                "Workaround provided".into(),
                "Resolved by request".into(),
            ],
        }
    }
}

/// All that changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) tables: BTreeMap<String, BTreeMap<String, Record>>,
    pub(crate) journal: Vec<Record>,
    pub(crate) attachments: Vec<Record>,
    /// Records that the integration's account may not see.
    pub(crate) hidden: BTreeSet<String>,
    pub(crate) numbers: u64,
    pub(crate) outbox: Vec<Message>,
    pub(crate) tokens: BTreeMap<String, Timestamp>,
    pub(crate) refresh: Option<String>,
    pub(crate) seen_assertions: BTreeSet<String>,
    pub(crate) revoked: bool,
    pub(crate) requests: usize,
    pub(crate) writes: usize,
    pub(crate) token_requests: u64,
}

/// Columns that may be written, beside those that the system keeps.
pub(crate) const WRITABLE: [&str; 22] = [
    "short_description",
    "description",
    "state",
    "urgency",
    "impact",
    "priority",
    "category",
    "assignment_group",
    "assigned_to",
    "caller_id",
    "correlation_id",
    "correlation_display",
    "close_code",
    "close_notes",
    "hold_reason",
    "work_notes",
    "comments",
    "due_date",
    "parent_incident",
    "contact_type",
    "u_control",
    "u_framework",
];

/// Columns that only the system writes.
pub(crate) const SYSTEM: [&str; 12] = [
    "sys_id",
    "number",
    "sys_mod_count",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_class_name",
    "active",
    "incident_state",
    "reopen_count",
    "opened_at",
];

/// Columns that take notes and never show them.
pub(crate) const JOURNAL: [&str; 2] = ["work_notes", "comments"];

/// States of a table by value.
pub(crate) fn states(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "incident" => &[
            ("1", "New"),
            ("2", "In Progress"),
            ("3", "On Hold"),
            ("6", "Resolved"),
            ("7", "Closed"),
            ("8", "Canceled"),
        ],
        _ => &[
            ("1", "New"),
            ("2", "Analyze"),
            ("3", "Respond"),
            ("4", "Review"),
            ("6", "Closed Complete"),
            ("7", "Closed Incomplete"),
        ],
    }
}

/// The tables that there are, with the prefixes of their numbers.
pub(crate) const TABLES: [(&str, &str); 3] =
    [("incident", "INC"), ("sn_grc_issue", "ISS"), ("sc_task", "SCTASK")];

impl State {
    /// A number that nothing else has.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// 32 lower-case hex digits.
    pub(crate) fn sys_id(&mut self) -> String {
        let number = self.number();
        format!("{:016x}{:016x}", 0x9d38_5017_c611_2287_u64.wrapping_mul(number | 1), number)
    }

    pub(crate) fn record(&self, table: &str, id: &str) -> Option<&Record> {
        if self.hidden.contains(id) {
            return None;
        }
        self.tables.get(table)?.get(id)
    }
}

/// The vendor's way to write a time: UTC, whole seconds.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_string()[..19].replace('T', " ")
}

/// A record as JSON, with only the wanted columns. References come as objects unless they are excluded.
pub(crate) fn render(record: &Record, wanted: Option<&str>, plain_references: bool) -> Value {
    let wanted: Option<Vec<&str>> = wanted.map(|list| list.split(',').map(str::trim).collect());
    let shown = |name: &&String| wanted.as_ref().is_none_or(|wanted| wanted.contains(&name.as_str()));
    let value = |name: &str, value: &str| {
        let reference = matches!(name, "assignment_group" | "assigned_to" | "caller_id" | "parent_incident");
        if reference && !value.is_empty() && !plain_references {
            let link = format!("https://fake.service-now.com/api/now/table/sys_user/{value}");
            return serde_json::json!({ "link": link, "value": value });
        }
        Value::String(value.to_owned())
    };
    let object: Map<String, Value> = record
        .iter()
        .filter(|(name, _)| shown(name))
        .map(|(name, text)| (name.clone(), value(name, text)))
        .collect();
    Value::Object(object)
}
