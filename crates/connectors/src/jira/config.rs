//! How a Jira connection is configured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::protocol::{Failure, FailureKind, Status};
use crate::synced::Synced;

/// Which product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deployment {
    /// Cloud, REST v3, texts in ADF.
    Cloud,
    /// Data Center, REST v2, texts in wiki markup.
    DataCenter,
}

/// The configuration, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// Which product.
    pub(super) deployment: Deployment,
    /// The key of the project that tickets are opened in.
    pub(super) project: String,
    /// The id of the issue type.
    pub(super) issue_type: String,
    /// Where people see tickets: the site's address, for links.
    #[serde(default)]
    pub(super) site: Option<String>,
    /// Field to template: what a creation sets beside title, text and labels.
    #[serde(default)]
    pub(super) fields: Map<String, Value>,
    /// Neutral field to Jira's: what is kept in step.
    #[serde(default)]
    pub(super) synced: Synced,
    /// What our statuses are in the project's workflow.
    pub(super) statuses: BTreeMap<Status, Goal>,
    /// The beginning of every label.
    #[serde(default = "default_label")]
    pub(super) label: String,
    /// Our own account's id, as `health` shows it: whose changes are ours.
    #[serde(default)]
    pub(super) account: Option<String>,
    /// A poll reads this much again: the search index and clocks lag.
    #[serde(default = "default_overlap")]
    pub(super) overlap_minutes: u64,
    /// Tickets on a page.
    #[serde(default = "default_page")]
    pub(super) page_size: u64,
}

/// A status of the workflow, and the way to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Goal {
    /// Its name. Ids differ by site, names by language: either may be given.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Its id.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// Any status of this category: `new`, `indeterminate`, `done`.
    #[serde(default)]
    pub(super) category: Option<String>,
    /// Names of statuses that lead there, in order, where no transition goes directly.
    #[serde(default)]
    pub(super) via: Vec<String>,
    /// Fields that its transition asks for, such as `resolution`.
    #[serde(default)]
    pub(super) fields: Map<String, Value>,
}

fn default_label() -> String {
    "aigov".into()
}

fn default_overlap() -> u64 {
    5
}

fn default_page() -> u64 {
    50
}

impl Goal {
    /// Whether a status, as the API shows it, is this one.
    pub(super) fn is(&self, status: &Value) -> bool {
        let named = |wanted: &Option<String>, own: &Value| {
            wanted.as_ref().is_none_or(|wanted| own == wanted.as_str())
        };
        named(&self.id, &status["id"])
            && named(&self.name, &status["name"])
            && named(&self.category, &status["statusCategory"]["key"])
    }
}

impl Config {
    pub(super) fn parse(value: &Value) -> Result<Self, Failure> {
        let wrong = |field: &str, message: String| {
            Failure::new(FailureKind::NeedsConfiguration, message).field(field)
        };
        let config: Self =
            serde_json::from_value(value.clone()).map_err(|error| wrong("/", error.to_string()))?;
        let plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if !plain(&config.project) {
            return Err(wrong("/project", "the project's key has letters, digits and _ only".into()));
        }
        if !plain(&config.label) || config.label.len() > 40 {
            return Err(wrong("/label", "a label has no spaces, and at most 40 characters here".into()));
        }
        for (status, goal) in &config.statuses {
            if goal.name.is_none() && goal.id.is_none() && goal.category.is_none() {
                let field = format!("/statuses/{}", status.name());
                return Err(wrong(&field, "a status needs a name, an id or a category".into()));
            }
        }
        if !(1..=100).contains(&config.page_size) {
            return Err(wrong("/page_size", "a page has 1 to 100 tickets".into()));
        }
        Ok(config)
    }

    /// The status of ours that a status of the workflow is: by id and name before by category.
    pub(super) fn status_of(&self, status: &Value) -> Option<Status> {
        let precise = |goal: &&Goal| goal.id.is_some() || goal.name.is_some();
        let find = |wanted: bool| {
            self.statuses
                .iter()
                .find(|(_, goal)| precise(goal) == wanted && goal.is(status))
                .map(|(own, _)| *own)
        };
        find(true).or_else(|| find(false))
    }
}
