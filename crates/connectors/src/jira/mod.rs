//! Jira: Cloud (REST v3) and Data Center (REST v2).
//!
//! - A ticket carries its obligation three times: a label that a search finds, an entity property that tells whose it
//!   is, and a remote link that leads people back. Label and property are part of the creation, so there is no moment
//!   without them.
//! - Creation has no idempotency key: it is sent once. A lost answer is looked up by the label, and a candidate is
//!   believed only if its property names the same obligation.
//! - Transitions are read anew at each hop: ids differ by workflow, and what is offered depends on who asks.
//! - Webhooks are hints, registered and renewed in Cloud; polls read what has changed, with an overlap, to the last page.
//!
//! What it does not do: assign people (accounts are the vendor's), move tickets between projects.

mod change;
mod config;
mod health;
mod inbound;
mod lookup;
mod note;
mod open;
mod place;
mod poll;
mod respond;
mod snapshot;
mod text;
mod transit;
mod webhook;

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
pub struct Jira {
    config: Option<Config>,
}

/// Where a task stands: the continuation of every plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum At {
    /// Reading what a creation asks for, from this field on.
    CreateMeta { start: u64 },
    /// Creating.
    Create {},
    /// Linking back from a new ticket.
    Link { remote: RemoteRef },
    /// Reading a ticket before a change.
    Before {},
    /// Changing a ticket; `last` is the newest entry of its changelog before.
    Changing { last: u64, wrote: Vec<String> },
    /// Reading what a transition may be.
    Offered { last: u64, status: String, hops: Vec<String> },
    /// Taking a transition.
    Transit { last: u64, hops: Vec<String>, arrived: bool },
    /// Adding a comment or file.
    Adding { last: u64 },
    /// Reading a ticket after a change.
    After { last: u64, wrote: Vec<String>, notes: Vec<String>, receipts: Vec<String> },
    /// Searching for the ticket of an obligation.
    Search {},
    /// Looking at one of several candidates.
    Candidate { left: Vec<String> },
    /// Reading the newest comments.
    Comments {},
    /// Reading changed tickets, page by page. `until`: the cursor once all are read.
    Page { window_minutes: u64, until: Timestamp, start: u64 },
    /// Who are we?
    Myself {},
    /// Which statuses are there?
    Statuses { account: Option<String>, findings: Vec<Failure> },
    /// Which fields are there?
    Fields { account: Option<String>, findings: Vec<Failure>, start: u64, seen: Vec<String> },
    /// Reading which webhooks are registered: those that ask for the same as ours, and old ones of ours.
    Listing { start: u64, ours: Vec<webhook::Listed>, stale: Vec<u64> },
    /// Removing old ones.
    Tidying { ours: Vec<webhook::Listed> },
    /// Registering a webhook.
    Registering {},
    /// Renewing it.
    Renewing { id: u64 },
    /// Removing it.
    Unsubscribing {},
}

impl At {
    fn value(&self) -> Value {
        // An enum of plain data serialises.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The newest capability set.
const CAPABILITIES: [&str; 9] =
    ["open", "update", "comment", "attach", "move", "read", "poll", "inbound", "subscribe"];
/// Measured in the field: a fifth of new issues is not found at once, nearly all are after half a minute.
const LOOKUP_LAG_MS: u64 = 30_000;

impl Adapter for Jira {
    fn hello(&self) -> Hello {
        Hello {
            name: "jira".into(),
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

    fn start(&self, task: &Task, now: Timestamp) -> Result<Step, Refusal> {
        let config = self.config()?;
        Ok(match task {
            Task::Perform(intent) => config.perform(intent)?,
            Task::Lookup(intent) => config.lookup(intent)?,
            Task::Poll { cursor } => config.poll(cursor.as_ref(), now)?,
            Task::Health {} => config.who_are_we(),
            Task::Subscribe { .. } => config.subscribe()?,
            Task::Unsubscribe { state } => config.unsubscribe(state),
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
            Task::Subscribe { url, state } => config.subscribed((url, state.as_ref()), at, response, now),
            Task::Unsubscribe { .. } => config.unsubscribed(at, response, now),
        };
        // What the vendor refuses is an outcome of the task, not of the adapter.
        Ok(step.unwrap_or_else(Step::failed))
    }

    fn inbound(&self, message: &InboundMessage<'_>) -> Result<Vec<Fact>, Refusal> {
        self.config()?;
        Ok(inbound::facts(message)?)
    }
}

impl Jira {
    fn config(&self) -> Result<&Config, Refusal> {
        let unconfigured = || Box::new(Failure::new(FailureKind::NeedsConfiguration, "not configured"));
        self.config.as_ref().ok_or_else(unconfigured)
    }
}

/// The ticket of an intent that needs one.
fn known(intent: &Intent) -> Result<&RemoteRef, Failure> {
    let unknown = || Failure::new(FailureKind::Rejected, "the intent names no ticket");
    intent.ticket.as_ref().map(|ticket| &ticket.remote).ok_or_else(unknown)
}

impl Config {
    fn perform(&self, intent: &Intent) -> Result<Step, Failure> {
        Ok(match &intent.effect {
            Effect::Open(_) => Step::send(self.create_meta(0)),
            Effect::Update(_)
            | Effect::Comment { .. }
            | Effect::Attach(_)
            | Effect::Move(_)
            | Effect::Read {} => Step::send(self.read(known(intent)?).then(At::Before {}.value())),
            Effect::Custom { kind, .. } => {
                return Err(Failure::new(FailureKind::Unsupported, format!("Jira has no {kind:?}")));
            }
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
            (At::CreateMeta { start }, Effect::Open(ticket)) => {
                self.meta_read(intent, ticket, start, response, now)
            }
            (At::Create {}, Effect::Open(ticket)) => self.created(intent, ticket, response, now),
            (At::Link { remote }, Effect::Open(_)) => Ok(self.linked(remote, response)),
            (At::Before {}, effect) => self.before(intent, effect, response, now),
            (At::Changing { last, wrote }, _) => self.changed(intent, last, wrote, response, now),
            (At::Offered { last, status, hops }, Effect::Move(target)) => {
                self.offered(intent, target, last, &status, hops, response, now)
            }
            (At::Transit { last, hops, arrived }, Effect::Move(_)) => {
                self.transited(intent, last, hops, arrived, response, now)
            }
            (At::Adding { last }, effect) => self.added(intent, effect, last, response, now),
            (At::After { last, wrote, notes, receipts }, _) => {
                self.after(last, &wrote, notes, receipts, response, now)
            }
            (at, _) => Err(out_of_turn(&at)),
        }
    }

    /// The ticket as it is before anything is done to it.
    fn before(
        &self,
        intent: &Intent,
        effect: &Effect,
        response: &Response,
        now: Timestamp,
    ) -> Result<Step, Failure> {
        let issue = respond::json(response, now)?;
        let last = snapshot::newest_change(&issue);
        match effect {
            Effect::Update(change) => self.update(intent, change, &issue, last),
            Effect::Move(target) => self.toward(intent, target, &issue, last, Vec::new()),
            Effect::Comment { text, .. } => Ok(Step::send(self.comment(intent, text, last)?)),
            Effect::Attach(blob) => Ok(Step::send(self.attach(intent, blob, last)?)),
            Effect::Read {} => {
                let outcome = Outcome::Succeeded {
                    remote: self.remote(&issue),
                    snapshot: Some(Box::new(self.snapshot(&issue))),
                    receipts: Vec::new(),
                    notes: Vec::new(),
                };
                Ok(Step::done(outcome).with(vec![self.seen(&issue)]))
            }
            Effect::Open(_) | Effect::Custom { .. } => Err(out_of_turn(&At::Before {})),
        }
    }
}

fn out_of_turn(at: &At) -> Failure {
    Failure::new(FailureKind::Malformed, format!("no answer was expected at {}", json!(at)))
}

#[cfg(test)]
mod tests;
