//! Changing a ticket's fields, and reading back what became of it.

use ledger::time::Timestamp;
use serde_json::{Map, Value, json};

use super::config::Config;
use super::snapshot::{own_changes, version_mark};
use super::{At, known, open, respond, text};
use crate::protocol::{
    Change, Document, Failure, FailureKind, Intent, Method, Outcome, Plan, Receipt, Repeat, Response, Step,
};
use crate::synced::three_way;

/// The values of a change in two forms.
struct Ours {
    neutral: Map<String, Value>,
    vendor: Map<String, Value>,
}

impl Config {
    /// Compares base, ours and theirs; writes only what differs.
    pub(super) fn update(
        &self,
        intent: &Intent,
        change: &Change,
        issue: &Value,
        last: u64,
    ) -> Result<Step, Failure> {
        let theirs = self.neutral(&issue["fields"]);
        let Ours { neutral: ours, vendor } = self.ours(change)?;
        let base = intent.ticket.as_ref().map(|ticket| ticket.base.clone()).unwrap_or_default();
        let (write, conflicts) = three_way(&base, &ours, &theirs, change.overwrite);
        if !conflicts.is_empty() {
            let names: Vec<&str> = conflicts.iter().map(|conflict| conflict.field.as_str()).collect();
            let message = format!("both sides changed {}", names.join(", "));
            return Err(Failure { conflicts, ..Failure::new(FailureKind::Conflict, message) });
        }
        if write.is_empty() {
            return Ok(Step::done(Outcome::Succeeded {
                remote: self.remote(issue),
                snapshot: Some(Box::new(self.snapshot(issue))),
                receipts: Vec::new(),
                notes: Vec::new(),
            }));
        }
        let mut fields = Map::new();
        for name in &write {
            let field = self.field_of(name);
            fields.insert(field.to_owned(), vendor[name].clone());
        }
        let wrote: Vec<String> = fields.keys().cloned().collect();
        let plan = Plan::new(Method::Put, self.issue(known(intent)?, ""), Repeat::Same, "PUT /issue")
            .json(json!({ "fields": fields }))
            .then(At::Changing { last, wrote }.value());
        Ok(Step::send(plan))
    }

    fn field_of<'a>(&'a self, neutral: &'a str) -> &'a str {
        match neutral {
            "title" => "summary",
            "text" => "description",
            other => self.synced.get(other).map_or(other, |field| field.field.as_str()),
        }
    }

    /// Our values, neutral and plain for comparing, and as the vendor wants them.
    fn ours(&self, change: &Change) -> Result<Ours, Failure> {
        let (mut neutral_values, mut vendor) = (Map::new(), Map::new());
        for (name, value) in &change.set {
            let (neutral, written) = match name.as_str() {
                "title" => {
                    let line: Value = open::summary(value.as_str().unwrap_or_default()).into();
                    (line.clone(), line)
                }
                "text" => {
                    let document: Document = serde_json::from_value(value.clone()).map_err(|error| {
                        Failure::new(FailureKind::Rejected, format!("text is no document: {error}"))
                    })?;
                    let plain = text::written_plain(&document, self.deployment);
                    (plain.into(), text::write(&document, self.deployment))
                }
                _ => (value.clone(), self.to_vendor(name, value)?),
            };
            neutral_values.insert(name.clone(), neutral);
            vendor.insert(name.clone(), written);
        }
        Ok(Ours { neutral: neutral_values, vendor })
    }

    pub(super) fn changed(
        &self,
        intent: &Intent,
        last: u64,
        wrote: Vec<String>,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        if !response.is_success() {
            return Err(respond::failure(response, now));
        }
        Ok(Step::send(self.read_back(known(intent)?, last, wrote, Vec::new(), Vec::new())))
    }

    /// What the ticket looks like now, and by which marks our write is known again.
    pub(super) fn after(
        &self,
        last: u64,
        wrote: &[String],
        mut notes: Vec<String>,
        receipts: Vec<String>,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let issue = respond::json(response, now)?;
        let snapshot = self.snapshot(&issue);
        let (own, others) = own_changes(&issue, last, wrote, self.account.as_deref());
        let mut receipts: Vec<Receipt> = receipts.into_iter().map(Receipt).chain(own).collect();
        if others {
            notes.push("someone else changed the ticket at the same time".into());
        } else {
            // Nothing but ours lies between: this very state is our doing.
            receipts.push(version_mark(issue["id"].as_str().unwrap_or_default(), &snapshot.version));
        }
        let seen = self.seen(&issue);
        Ok(Step::done(Outcome::Succeeded {
            remote: self.remote(&issue),
            snapshot: Some(Box::new(snapshot)),
            receipts,
            notes,
        })
        .with(if others { vec![seen] } else { Vec::new() }))
    }
}
