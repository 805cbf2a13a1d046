//! Opening a record: is there one already, create it, compare what came back with what was sent.

use ledger::time::Timestamp;
use serde_json::{Map, Value, json};

use super::config::Config;
use super::snapshot::{mark, text};
use super::{At, respond};
use crate::protocol::{Failure, FailureKind, Intent, Method, Outcome, Plan, Repeat, Response, Step, Ticket};
use crate::template;

/// The bound of `short_description` as it is shipped.
const TITLE_MAX_CHARS: usize = 160;
/// The bound of `description` as it is shipped.
const TEXT_MAX_CHARS: usize = 4000;

impl Config {
    /// The record of the obligation, if there is one. What comes back is believed only if it carries the correlation:
    /// an instance that does not know the column ignores the condition and returns its first records.
    pub(super) fn found(
        &self,
        intent: &Intent,
        response: &Response,
        now: Timestamp,
    ) -> Result<Option<Value>, Failure> {
        let correlation = self.correlation(intent);
        let records = respond::list(response, now)?;
        let (ours, others): (Vec<Value>, Vec<Value>) =
            records.into_iter().partition(|record| text(record, "correlation_id") == correlation);
        if ours.is_empty() && !others.is_empty() {
            return Err(Failure::new(
                FailureKind::NeedsConfiguration,
                format!("{} does not filter by correlation_id", self.table),
            )
            .field("correlation_id")
            .hint("give the account the right to read correlation_id, and check that the table has it"));
        }
        Ok(ours.into_iter().next())
    }

    pub(super) fn searched(
        &self,
        intent: &Intent,
        ticket: &Ticket,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        if let Some(record) = self.found(intent, response, now)? {
            return Ok(Step::done(self.ours(&record)).with(vec![self.seen(&record)]));
        }
        // All columns come back, so that what was ignored is seen.
        let path =
            format!("{}?sysparm_display_value=false&sysparm_exclude_reference_link=true", self.table_path());
        let plan = Plan::new(Method::Post, path, Repeat::Once, "POST table");
        let columns = Value::Object(self.creation(intent, ticket)?);
        Ok(Step::send(plan.json(columns).then(At::Create {}.value())))
    }

    fn creation(&self, intent: &Intent, ticket: &Ticket) -> Result<Map<String, Value>, Failure> {
        let mut scope = ticket.facts.clone();
        let plain = ticket.text.to_plain();
        for (name, value) in [
            ("title", json!(ticket.title)),
            ("text", json!(plain)),
            ("url", json!(ticket.url)),
            ("tenant", json!(intent.tenant)),
            ("key", json!(intent.key)),
        ] {
            scope.insert(name.into(), value);
        }
        let scope = Value::Object(scope);
        let mut columns = Map::new();
        for (name, field) in &self.synced {
            if let Some(value) = scope.get(name).filter(|value| !value.is_null()) {
                columns.insert(field.field.clone(), self.to_vendor(name, value)?);
            }
        }
        for (name, template) in &self.fields {
            let filled = template::fill(template, &scope).map_err(|error| {
                Failure::new(FailureKind::NeedsConfiguration, error.to_string())
                    .field(format!("/fields/{name}"))
            })?;
            columns.extend(filled.map(|value| (name.clone(), value)));
        }
        let text = match &ticket.url {
            Some(url) => format!("{plain}\n\n{url}"),
            None => plain,
        };
        columns.entry("description").or_insert_with(|| cut(&text, TEXT_MAX_CHARS).into());
        columns.insert("short_description".into(), title(&ticket.title).into());
        columns.insert("correlation_id".into(), self.correlation(intent).into());
        columns.insert("correlation_display".into(), self.display.clone().into());
        Ok(columns)
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
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let record = respond::record(response, now)?;
        if text(&record, "correlation_id") != self.correlation(intent) {
            return Err(Failure::new(
                FailureKind::NeedsConfiguration,
                format!(
                    "{} was created without its correlation_id: it will not be found again",
                    text(&record, "number")
                ),
            )
            .field("correlation_id")
            .hint("give the account the right to write correlation_id"));
        }
        let crate::protocol::Effect::Open(ticket) = &intent.effect else {
            return Err(super::out_of_turn(&At::Create {}));
        };
        let ignored = ignored(&self.creation(intent, ticket)?, &record);
        let notes = ignored.into_iter().map(|column| format!("the instance ignored the column {column}"));
        Ok(Step::done(Outcome::Succeeded {
            remote: self.remote(&record),
            snapshot: Some(Box::new(self.snapshot(&record))),
            receipts: vec![mark(&record)],
            notes: notes.collect(),
        }))
    }
}

/// The columns of which the instance took no notice. Journals always read back empty.
pub(super) fn ignored(sent: &Map<String, Value>, record: &Value) -> Vec<String> {
    let taken = |(name, value): &(&String, &Value)| {
        let wanted = value.as_str().map_or_else(|| value.to_string(), String::from);
        matches!(name.as_str(), "work_notes" | "comments")
            || record
                .get(name.as_str())
                .is_some_and(|own| own.as_str() == Some(&wanted) || own["value"] == wanted)
    };
    sent.iter().filter(|pair| !taken(pair)).map(|(name, _)| name.clone()).collect()
}

/// One line, cut to its bound.
pub(super) fn title(text: &str) -> String {
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), TITLE_MAX_CHARS)
}

/// Cut to a bound, and said so.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}
