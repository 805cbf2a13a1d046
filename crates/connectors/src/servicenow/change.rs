//! Changing a record's columns and state. There is no `If-Match`: the count of changes tells afterwards whether
//! someone wrote in between.

use ledger::time::Timestamp;
use serde_json::{Map, Value, json};

use super::config::Config;
use super::open::{ignored, title};
use super::snapshot::{count, mark, text};
use super::{At, known, respond};
use crate::protocol::{
    Change, Document, Effect, Failure, FailureKind, Intent, Outcome, Repeat, Response, Step, Target,
};
use crate::synced::three_way;

impl Config {
    pub(super) fn update(&self, intent: &Intent, change: &Change, record: &Value) -> Result<Step, Failure> {
        self.is_open(record)?;
        let base = intent.ticket.as_ref().map(|ticket| ticket.base.clone()).unwrap_or_default();
        let ours = self.ours_of(change)?;
        let (write, conflicts) = three_way(&base, &ours, &self.neutral(record), change.overwrite);
        if !conflicts.is_empty() {
            let names: Vec<&str> = conflicts.iter().map(|conflict| conflict.field.as_str()).collect();
            let message = format!("both sides changed {}", names.join(", "));
            return Err(Failure { conflicts, ..Failure::new(FailureKind::Conflict, message) });
        }
        if write.is_empty() {
            return Ok(Step::done(self.as_it_is(record)));
        }
        let columns = self.columns(&write, &ours)?;
        self.send(intent, columns, record, Repeat::Same)
    }

    /// Our values, neutral and as they read back.
    fn ours_of(&self, change: &Change) -> Result<Map<String, Value>, Failure> {
        let mut ours = Map::new();
        for (name, value) in &change.set {
            let neutral = match name.as_str() {
                "title" => title(value.as_str().unwrap_or_default()).into(),
                "text" => {
                    let document: Document = serde_json::from_value(value.clone()).map_err(|error| {
                        Failure::new(FailureKind::Rejected, format!("text is no document: {error}"))
                    })?;
                    super::open::cut(document.to_plain().trim(), 4000).into()
                }
                _ => value.clone(),
            };
            ours.insert(name.clone(), neutral);
        }
        Ok(ours)
    }

    fn columns(&self, write: &[String], ours: &Map<String, Value>) -> Result<Map<String, Value>, Failure> {
        let column = |name: &String| -> Result<(String, Value), Failure> {
            Ok(match name.as_str() {
                "title" => ("short_description".into(), ours[name].clone()),
                "text" => ("description".into(), ours[name].clone()),
                _ => {
                    let value = self.to_vendor(name, &ours[name])?;
                    (self.synced.get(name).map_or_else(|| name.clone(), |field| field.field.clone()), value)
                }
            })
        };
        write.iter().map(column).collect()
    }

    /// A state with all that goes with it, in one request: data policies look at both.
    pub(super) fn toward(&self, intent: &Intent, target: &Target, record: &Value) -> Result<Step, Failure> {
        let name = target.status.name();
        let state = self.statuses.get(&target.status).ok_or_else(|| {
            Failure::new(FailureKind::NeedsConfiguration, format!("the status {name} is not mapped"))
                .field(format!("/statuses/{name}"))
                .hint("say which value of the state column it is")
        })?;
        if text(record, "state") == state.value {
            return Ok(Step::done(self.as_it_is(record)));
        }
        self.is_open(record)?;
        let mut columns = state.fields.clone();
        columns.insert("state".into(), state.value.clone().into());
        if let Some(note) = &target.note {
            columns.insert(state.note.clone().unwrap_or_else(|| "work_notes".into()), note.clone().into());
        }
        // The state and its columns are the same when they are written twice; only a work note would be there twice.
        let appends = columns.contains_key("work_notes") || columns.contains_key("comments");
        self.send(intent, columns, record, if appends { Repeat::Once } else { Repeat::Same })
    }

    /// What is closed for good can be neither changed nor reopened.
    fn is_open(&self, record: &Value) -> Result<(), Failure> {
        let state = text(record, "state");
        let is_final = self.statuses.values().any(|own| own.is_final && own.value == state);
        if !is_final {
            return Ok(());
        }
        Err(Failure::new(FailureKind::Closed, format!("{} is closed for good", text(record, "number")))
            .hint("what is left to do needs a successor that refers to it"))
    }

    pub(super) fn send(
        &self,
        intent: &Intent,
        columns: Map<String, Value>,
        record: &Value,
        repeat: Repeat,
    ) -> Result<Step, Failure> {
        let plan = self.patch(known(intent)?, repeat).json(json!(columns));
        Ok(Step::send(plan.then(At::Changing { count: count(record) }.value())))
    }

    pub(super) fn changed(
        &self,
        effect: &Effect,
        before: u64,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let record = respond::record(response, now)?;
        let mut notes = Vec::new();
        if let Effect::Update(change) = effect {
            let ours = self.ours_of(change)?;
            let names: Vec<String> = ours.keys().cloned().collect();
            let columns = self.columns(&names, &ours)?;
            notes.extend(
                ignored(&columns, &record)
                    .into_iter()
                    .map(|c| format!("the instance ignored the column {c}")),
            );
        }
        if let Effect::Move(target) = effect
            && self.snapshot(&record).status != Some(target.status)
        {
            let message = format!("the state is {} after it was set", text(&record, "state"));
            return Err(Failure::new(FailureKind::Blocked, message)
                .hint("a rule of the instance set it back: give the account the right, or change the mapping")
                .offered(vec![text(&record, "state").into()]));
        }
        let interleaved = count(&record) > before + 1;
        if interleaved {
            notes.push("someone else changed the record at the same time".into());
        }
        let facts = if interleaved { vec![self.seen(&record)] } else { Vec::new() };
        // With a write in between, the state that came back is still the one that ours made: its count is ours.
        let outcome = Outcome::Succeeded {
            remote: self.remote(&record),
            snapshot: Some(Box::new(self.snapshot(&record))),
            receipts: vec![mark(&record)],
            notes,
        };
        Ok(Step::done(outcome).with(facts))
    }
}
