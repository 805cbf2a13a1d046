//! What a field may hold. As strict as the vendor: unknown fields, wrong texts and long summaries are refused.

use serde_json::{Map, Value};

use super::Jira;
use super::state::{ISSUE_TYPES, PRIORITIES, PROJECT};

/// Fields that may be set, beside `project` and `issuetype`, which only a creation sets.
pub(crate) const SETTABLE: [&str; 8] = [
    "summary",
    "description",
    "labels",
    "priority",
    "duedate",
    "assignee",
    "customfield_10010",
    "customfield_10011",
];

impl Jira {
    /// Checks and normalises fields; the errors by field.
    pub(super) fn check_fields(
        &self,
        given: &Map<String, Value>,
        creating: bool,
    ) -> Result<Map<String, Value>, Vec<(String, String)>> {
        let mut fields = Map::new();
        let mut errors = Vec::new();
        for (name, value) in given {
            let checked = match name.as_str() {
                "project" | "issuetype" if creating => Ok(value.clone()),
                "summary" => summary(value),
                "description" => self.text(value),
                "labels" => labels(value),
                "priority" => one_of(value, &PRIORITIES, "The priority selected is invalid."),
                "customfield_10010" => option(value),
                "duedate" | "assignee" | "customfield_10011" => Ok(value.clone()),
                _ => Err(format!(
                    "Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
                )),
            };
            match checked {
                Ok(value) => drop(fields.insert(name.clone(), value)),
                Err(message) => errors.push((name.clone(), message)),
            }
        }
        if creating {
            errors.extend(self.missing(&fields));
        }
        if errors.is_empty() { Ok(fields) } else { Err(errors) }
    }

    fn missing(&self, fields: &Map<String, Value>) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        let project = fields.get("project").unwrap_or(&Value::Null);
        if project["key"] != PROJECT.1 && project["id"] != PROJECT.0 {
            errors.push(("project".into(), "valid project is required".into()));
        }
        let kind = fields.get("issuetype").unwrap_or(&Value::Null);
        if !ISSUE_TYPES.iter().any(|(id, name)| kind["id"] == *id || kind["name"] == *name) {
            errors.push(("issuetype".into(), "Specify a valid issue type".into()));
        }
        let required = self.settings.required.iter().map(String::as_str).chain(["summary"]);
        for name in required.filter(|name| !fields.contains_key(*name)) {
            errors.push((name.into(), format!("{name} is required.")));
        }
        errors
    }

    /// ADF in v3, a string in v2.
    pub(super) fn text(&self, value: &Value) -> Result<Value, String> {
        if value.is_null() {
            return Ok(Value::Null);
        }
        if !self.is_cloud() {
            let refusal = || "Operation value must be a string".to_owned();
            return value.as_str().map(|_| value.clone()).ok_or_else(refusal);
        }
        // Cloud serves v2 too; which text came is seen by its shape, and both are kept.
        if value.is_string() {
            return Err(
                "Operation value must be an Atlassian Document (see the Atlassian Document Format)".into()
            );
        }
        let is_document = value["type"] == "doc" && value["version"] == 1 && value["content"].is_array();
        if is_document && adf_holds(value) { Ok(value.clone()) } else { Err("INVALID_INPUT".into()) }
    }
}

/// No empty text node, only known nodes, everywhere.
fn adf_holds(node: &Value) -> bool {
    const NODES: [&str; 14] = [
        "doc",
        "paragraph",
        "text",
        "heading",
        "bulletList",
        "orderedList",
        "listItem",
        "codeBlock",
        "table",
        "tableRow",
        "tableHeader",
        "tableCell",
        "hardBreak",
        "rule",
    ];
    let kind = node["type"].as_str().unwrap_or_default();
    let text = kind != "text" || node["text"].as_str().is_some_and(|text| !text.is_empty());
    let leveled =
        kind != "heading" || node["attrs"]["level"].as_u64().is_some_and(|level| (1..=6).contains(&level));
    let listed = !matches!(kind, "bulletList" | "listItem" | "tableRow" | "table")
        || node["content"].as_array().is_some_and(|content| !content.is_empty());
    let content = node["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    NODES.contains(&kind) && text && leveled && listed && content.iter().all(adf_holds)
}

fn summary(value: &Value) -> Result<Value, String> {
    let text = value.as_str().ok_or("Operation value must be a string")?;
    if text.trim().is_empty() {
        return Err("You must specify a summary of the issue.".into());
    }
    if text.contains(['\n', '\r']) {
        return Err("The summary is invalid because it contains newline characters.".into());
    }
    if text.chars().count() > 255 {
        return Err("Summary can't exceed 255 characters.".into());
    }
    Ok(value.clone())
}

fn labels(value: &Value) -> Result<Value, String> {
    let labels = value.as_array().ok_or("data was not an array")?;
    let fits =
        |label: &Value| label.as_str().is_some_and(|l| !l.is_empty() && l.len() <= 255 && !l.contains(' '));
    match labels.iter().find(|label| !fits(label)) {
        Some(label) => Err(format!("The label '{label}' contains spaces which is invalid.")),
        None => Ok(value.clone()),
    }
}

fn one_of(value: &Value, choices: &[(&str, &str)], refusal: &str) -> Result<Value, String> {
    let chosen = choices.iter().find(|(id, name)| value["id"] == *id || value["name"] == *name);
    let (id, name) = chosen.ok_or(refusal)?;
    Ok(serde_json::json!({ "id": id, "name": name }))
}

/// A select field with three options.
fn option(value: &Value) -> Result<Value, String> {
    let chosen = ["Low", "Medium", "High"].into_iter().find(|option| value["value"] == *option);
    chosen
        .map(|option| serde_json::json!({ "value": option }))
        .ok_or_else(|| "Option value is not valid. Allowed values are: Low, Medium, High".to_owned())
}
