//! ServiceNow: incidents, GRC issues, or any task table that the configuration names.
//!
//! Three traps of its Table API, and what is done about each:
//! - An unknown column in a write is ignored without a word: what comes back is compared with what was sent.
//! - An invalid part of a query is ignored and the rest runs: every record is believed only if it carries the
//!   correlation that was asked for.
//! - A page is cut before rights are applied: a short page is not the last one; only the `Link` header tells.
//!
//! Creation has no idempotency key either: it is looked up before (one reader, one writer), sent once, and looked up
//! again when its answer is lost. Notes are appended, so they carry the intent's mark in their text.
//!
//! What it does not do: upsert through import sets (they need a transform map of the customer's), reopen what is
//! closed for good.

mod change;
mod config;
mod health;
mod inbound;
mod note;
mod open;
mod place;
mod poll;
mod respond;
mod snapshot;

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::adapter::{Adapter, InboundMessage, Refusal};
use crate::protocol::{
    Effect, Fact, Failure, FailureKind, Hello, Intent, Outcome, PROTOCOL_VERSION, RemoteRef, Response, Step,
    Task,
};
use config::Config;

/// The adapter.
#[derive(Debug, Default)]
pub struct ServiceNow {
    config: Option<Config>,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum At {
    /// Looking for a record of this obligation.
    Search {},
    /// Creating.
    Create {},
    /// Reading a record before a change.
    Before {},
    /// Changing a record that had been changed so often before.
    Changing { count: u64 },
    /// Sending a file.
    Attaching {},
    /// Reading the journal of a record.
    Journal {},
    /// Reading the attachments of a record.
    Files {},
    /// Reading changed records, page by page. `newest`: the latest change seen.
    Page { since: Option<String>, offset: u64, newest: Option<String> },
    /// May we read the table?
    Table {},
    /// Which values does the state have?
    States { findings: Vec<Failure> },
    /// Which close codes are there?
    CloseCodes { findings: Vec<Failure> },
}

impl At {
    fn value(&self) -> Value {
        // An enum of plain data serialises.
        serde_json::to_value(self).unwrap_or_default()
    }
}

const CAPABILITIES: [&str; 8] = ["open", "update", "comment", "attach", "move", "read", "poll", "inbound"];
/// Reads are consistent; what may still run is the request whose answer was lost.
const LOOKUP_LAG_MS: u64 = 5_000;

impl Adapter for ServiceNow {
    fn hello(&self) -> Hello {
        Hello {
            name: "servicenow".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            protocol: PROTOCOL_VERSION,
            capabilities: CAPABILITIES.map(String::from).to_vec(),
            lookup_lag_ms: LOOKUP_LAG_MS,
        }
    }

    fn configure(&mut self, config: &Value) -> Result<(), Refusal> {
        self.config = Some(Config::parse(config)?);
        Ok(())
    }

    fn start(&self, task: &Task, _: Timestamp) -> Result<Step, Refusal> {
        let config = self.config()?;
        Ok(match task {
            Task::Perform(intent) => config.perform(intent)?,
            Task::Lookup(intent) => config.lookup(intent)?,
            Task::Poll { cursor } => config.poll(cursor.as_ref())?,
            Task::Health {} => config.may_we_read(),
            Task::Subscribe { .. } | Task::Unsubscribe { .. } => return Err(no_webhooks().into()),
        })
    }

    fn interpret(
        &self,
        task: &Task,
        continuation: &Value,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Refusal> {
        let config = self.config()?;
        let at: At = serde_json::from_value(continuation.clone()).map_err(|error| {
            Failure::new(FailureKind::Malformed, format!("the continuation is of another version: {error}"))
        })?;
        let step = match task {
            Task::Perform(intent) => config.performed(intent, at, response, now),
            Task::Lookup(intent) => config.looked_up(intent, at, response, now),
            Task::Poll { .. } => config.polled(at, response, now),
            Task::Health {} => config.diagnosed(at, response, now),
            Task::Subscribe { .. } | Task::Unsubscribe { .. } => Err(no_webhooks()),
        };
        Ok(step.unwrap_or_else(Step::failed))
    }

    fn inbound(&self, message: &InboundMessage<'_>) -> Result<Vec<Fact>, Refusal> {
        Ok(self.config()?.facts(message)?)
    }
}

impl ServiceNow {
    fn config(&self) -> Result<&Config, Refusal> {
        let unconfigured = || Box::new(Failure::new(FailureKind::NeedsConfiguration, "not configured"));
        self.config.as_ref().ok_or_else(unconfigured)
    }
}

/// The record of an intent that needs one.
fn known(intent: &Intent) -> Result<&RemoteRef, Failure> {
    let unknown = || Failure::new(FailureKind::Rejected, "the intent names no record");
    intent.ticket.as_ref().map(|ticket| &ticket.remote).ok_or_else(unknown)
}

fn unsupported(kind: &str) -> Failure {
    Failure::new(FailureKind::Unsupported, format!("ServiceNow has no {kind:?}"))
}

fn no_webhooks() -> Failure {
    Failure::new(FailureKind::Unsupported, "ServiceNow sends what a business rule of yours sends")
        .hint("set the business rule up by hand, and leave register out")
}

fn out_of_turn(at: &At) -> Failure {
    Failure::new(FailureKind::Malformed, format!("no answer was expected at {}", json!(at)))
}

impl Config {
    fn perform(&self, intent: &Intent) -> Result<Step, Failure> {
        Ok(match &intent.effect {
            Effect::Open(_) => Step::send(self.search(intent)),
            Effect::Custom { kind, .. } => return Err(unsupported(kind)),
            _ => Step::send(self.read(known(intent)?).then(At::Before {}.value())),
        })
    }

    fn performed(
        &self,
        intent: &Intent,
        at: At,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        match (at, &intent.effect) {
            (At::Search {}, Effect::Open(ticket)) => self.searched(intent, ticket, response, now),
            (At::Create {}, Effect::Open(_)) => self.created(intent, response, now),
            (At::Before {}, effect) => self.before(intent, effect, response, now),
            (At::Changing { count }, effect) => self.changed(effect, count, response, now),
            (At::Attaching {}, Effect::Attach(_)) => self.attached(intent, response, now),
            (at, _) => Err(out_of_turn(&at)),
        }
    }

    fn before(
        &self,
        intent: &Intent,
        effect: &Effect,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let record = respond::record(response, now)?;
        match effect {
            Effect::Update(change) => self.update(intent, change, &record),
            Effect::Move(target) => self.toward(intent, target, &record),
            Effect::Comment { text, public } => self.comment(intent, text, *public, &record),
            Effect::Attach(blob) => Ok(Step::send(self.attach(intent, blob)?)),
            Effect::Read {} => Ok(Step::done(self.as_it_is(&record)).with(vec![self.seen(&record)])),
            Effect::Open(_) | Effect::Custom { .. } => Err(out_of_turn(&At::Before {})),
        }
    }

    fn lookup(&self, intent: &Intent) -> Result<Step, Failure> {
        Ok(Step::send(match &intent.effect {
            Effect::Open(_) => self.search(intent),
            Effect::Comment { .. } => self.journal(known(intent)?),
            Effect::Attach(blob) => self.files(known(intent)?, &blob.name),
            Effect::Custom { kind, .. } => return Err(unsupported(kind)),
            _ => self.read(known(intent)?).then(At::Before {}.value()),
        }))
    }

    fn looked_up(
        &self,
        intent: &Intent,
        at: At,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        match (at, &intent.effect) {
            (At::Search {}, _) => Ok(match self.found(intent, response, now)? {
                Some(record) => Step::done(self.ours(&record)).with(vec![self.seen(&record)]),
                None => Step::done(Outcome::Absent {}),
            }),
            (At::Journal {}, _) => self.journal_read(intent, response, now),
            (At::Files {}, Effect::Attach(blob)) => self.files_read(intent, blob, response, now),
            // These are sent again, whatever became of them.
            (At::Before {}, _) => respond::record(response, now).map(|_| Step::done(Outcome::Absent {})),
            (at, _) => Err(out_of_turn(&at)),
        }
    }

    /// Nothing was to be done.
    fn as_it_is(&self, record: &Value) -> Outcome {
        Outcome::Succeeded {
            remote: self.remote(record),
            snapshot: Some(Box::new(self.snapshot(record))),
            receipts: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// This state of the record is our doing.
    fn ours(&self, record: &Value) -> Outcome {
        Outcome::Succeeded {
            remote: self.remote(record),
            snapshot: Some(Box::new(self.snapshot(record))),
            receipts: vec![snapshot::mark(record)],
            notes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
