//! How a ServiceNow connection is configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::protocol::{Failure, FailureKind, Status};
use crate::synced::Synced;

/// The configuration, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// `incident`, `sn_grc_issue`, or another task table.
    #[serde(default = "default_table")]
    pub(super) table: String,
    /// Where people see records: the instance's address, for links.
    #[serde(default)]
    pub(super) site: Option<String>,
    /// Column to template: what a creation sets beside title, text and correlation.
    #[serde(default)]
    pub(super) fields: Map<String, Value>,
    /// Neutral field to column: what is kept in step.
    #[serde(default)]
    pub(super) synced: Synced,
    /// What our statuses are in the table.
    pub(super) statuses: BTreeMap<Status, State>,
    /// The word by which our records are found: `correlation_display`.
    #[serde(default = "default_display")]
    pub(super) display: String,
    /// Our own user name: whose changes are ours.
    #[serde(default)]
    pub(super) account: Option<String>,
    /// A poll reads this much again: commits lag behind their times.
    #[serde(default = "default_overlap")]
    pub(super) overlap_seconds: u64,
    /// Records on a page.
    #[serde(default = "default_page")]
    pub(super) page_size: u64,
}

/// A state of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Its value.
    pub(super) value: String,
    /// Columns that are set with it, such as `close_code`: in the same request, for data policies look at both.
    #[serde(default)]
    pub(super) fields: Map<String, Value>,
    /// The column that takes the note that goes with it; none: a work note.
    #[serde(default)]
    pub(super) note: Option<String>,
    /// Whether nothing leads out of it.
    #[serde(default, rename = "final")]
    pub(super) is_final: bool,
}

fn default_table() -> String {
    "incident".into()
}

fn default_display() -> String {
    "AIGOV".into()
}

/// A minute for the lag of commits, which the vendor does not bound.
fn default_overlap() -> u64 {
    120
}

fn default_page() -> u64 {
    100
}

/// The bound of `correlation_id`.
const CORRELATION_MAX_CHARS: usize = 100;

impl Config {
    pub(super) fn parse(value: &Value) -> Result<Self, Failure> {
        let wrong = |field: &str, message: String| {
            Failure::new(FailureKind::NeedsConfiguration, message).field(field)
        };
        let config: Self =
            serde_json::from_value(value.clone()).map_err(|error| wrong("/", error.to_string()))?;
        let word =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !word(&config.table) {
            return Err(wrong("/table", "a table's name has letters, digits and _ only".into()));
        }
        if !word(&config.display) || config.display.len() > CORRELATION_MAX_CHARS {
            return Err(wrong("/display", "letters, digits and _ only, at most 100".into()));
        }
        if let Some(status) = config.statuses.iter().find(|(_, state)| state.value.is_empty()) {
            return Err(wrong(
                &format!("/statuses/{}/value", status.0.name()),
                "a state needs a value".into(),
            ));
        }
        if !(1..=1000).contains(&config.page_size) {
            return Err(wrong("/page_size", "a page has 1 to 1000 records".into()));
        }
        Ok(config)
    }

    /// The status of ours that a state is.
    pub(super) fn status_of(&self, state: &str) -> Option<Status> {
        self.statuses.iter().find(|(_, own)| own.value == state).map(|(status, _)| *status)
    }
}
