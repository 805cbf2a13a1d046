//! What the host and an adapter say to each other: JSON lines over stdin and stdout.
//!
//! ```text
//! adapter                                   host
//!   ready {layers}            ──────────▶            written by the sandbox, before anything else
//!                             ◀──────────  hello     which versions the host speaks
//!   hello {name, capabilities}──────────▶
//!                             ◀──────────  configure the validated configuration, without secrets
//!   configured                ──────────▶
//!                             ◀──────────  translate | poll | health
//!   step {facts, send(plan)}  ──────────▶            the host guards, adds credentials, sends, records
//!                             ◀──────────  interpret {task, continuation, response}
//!   step {facts, done}        ──────────▶
//! ```
//!
//! Invariants:
//! - Every message of the host has one answer, with the same `id`. Nothing else is ever written to stdout.
//! - An adapter keeps nothing between two messages but its configuration: what it needs later it puts into the
//!   plan's continuation, which the host stores before it sends the request. So it may die at any point.
//! - No message carries a secret. A plan names no host: only a path below the base that the operator configured.
//! - Members that are not known are refused on both sides; a new member is a new version of the protocol.

mod fact;
mod intent;
mod line;
mod outcome;
mod plan;
mod text;

pub use fact::{Fact, FactKind, Receipt, Snapshot};
pub use intent::{BlobRef, Change, Effect, Intent, KnownTicket, RemoteRef, Status, Target, Ticket};
pub use line::{CONTINUATION_MAX, LINE_MAX, LineError, decode, encode};
pub use outcome::{Conflict, Failure, FailureKind, Health, Outcome, Rate};
pub use plan::{Auth, Body, Method, Part, Plan, Repeat, Response};
pub use text::{Block, Document, Span};

use std::collections::BTreeMap;

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version that this module describes.
pub const PROTOCOL_VERSION: u32 = 1;

/// The first line of an adapter's process, written by the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// The layers that hold, by name.
    pub ready: Vec<String>,
}

/// A message of the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The version of the protocol.
    pub v: u32,
    /// Counted by the host; the answer repeats it.
    pub id: u64,
    /// What is asked.
    pub call: Call,
}

/// What the host asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// Who are you?
    Hello {
        /// The versions of the protocol that the host speaks.
        versions: Vec<u32>,
    },
    /// Take this configuration: checked against the manifest's schema, without secrets.
    Configure {
        /// The configuration.
        config: Value,
    },
    /// Which request does this intent need first?
    Translate {
        /// To carry it out, to find out whether it was carried out, or to read its ticket.
        purpose: Purpose,
        /// The intent.
        intent: Intent,
        /// The host's time.
        now: Timestamp,
    },
    /// Which request reads what has changed since the cursor?
    Poll {
        /// What the last complete poll gave; none: from the beginning.
        cursor: Option<Value>,
        /// The host's time.
        now: Timestamp,
    },
    /// Which request shows that the connection works and that the configuration fits?
    Health {
        /// The host's time.
        now: Timestamp,
    },
    /// Which request sees that messages come to this address? Asked of adapters with the capability `subscribe` alone.
    Subscribe {
        /// Where the ledger takes them.
        url: String,
        /// What the last registration left to be remembered; none: there is none.
        state: Option<Value>,
        /// The host's time.
        now: Timestamp,
    },
    /// Which request ends that?
    Unsubscribe {
        /// What the registration left to be remembered.
        state: Value,
        /// The host's time.
        now: Timestamp,
    },
    /// What does this response mean, and what comes next?
    Interpret {
        /// What the plan was for.
        task: Task,
        /// What the plan left to be remembered.
        continuation: Value,
        /// What came back.
        response: Response,
        /// The host's time.
        now: Timestamp,
    },
    /// What does this message of the vendor say? Its signature has been verified.
    Inbound {
        /// The headers, lower case.
        headers: BTreeMap<String, String>,
        /// The body as it came.
        body: String,
        /// When it came.
        received_at: Timestamp,
    },
}

/// Why an intent is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Carry it out.
    Perform,
    /// Its outcome is uncertain: find out whether it was carried out. Only safe requests.
    Lookup,
}

/// A piece of work that takes one or more requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// Carry an intent out.
    Perform(Intent),
    /// Find out whether it was carried out.
    Lookup(Intent),
    /// Read what has changed.
    Poll {
        /// Where the last complete poll ended.
        cursor: Option<Value>,
    },
    /// See whether the connection works.
    Health {},
    /// See that messages come to this address.
    Subscribe {
        /// Where the ledger takes them.
        url: String,
        /// What the last registration left to be remembered.
        state: Option<Value>,
    },
    /// End that.
    Unsubscribe {
        /// What the registration left to be remembered.
        state: Value,
    },
}

impl Task {
    /// The message that starts it.
    pub fn start(&self, now: Timestamp) -> Call {
        match self {
            Self::Perform(intent) => {
                Call::Translate { purpose: Purpose::Perform, intent: intent.clone(), now }
            }
            Self::Lookup(intent) => Call::Translate { purpose: Purpose::Lookup, intent: intent.clone(), now },
            Self::Poll { cursor } => Call::Poll { cursor: cursor.clone(), now },
            Self::Health {} => Call::Health { now },
            Self::Subscribe { url, state } => Call::Subscribe { url: url.clone(), state: state.clone(), now },
            Self::Unsubscribe { state } => Call::Unsubscribe { state: state.clone(), now },
        }
    }
}

/// An answer of the adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The version of the protocol.
    pub v: u32,
    /// The id of the message that it answers.
    pub id: u64,
    /// What it says.
    pub reply: Reply,
}

/// What an adapter answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// To `hello`.
    Hello(Hello),
    /// To `configure`.
    Configured {},
    /// To `translate`, `poll`, `health`, `subscribe`, `unsubscribe` and `interpret`.
    Step(Step),
    /// To `inbound`.
    Facts(Vec<Fact>),
    /// To any: it cannot be done, and asking again the same way will not help.
    Refused(Failure),
}

/// Who an adapter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Its name, as in its manifest.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of the protocol that it chose.
    pub protocol: u32,
    /// The kinds of effect that it can carry out ([`Effect::kind`]), and `poll`, `inbound`, `subscribe`.
    pub capabilities: Vec<String>,
    /// How long the vendor's search may lag behind its writes, in milliseconds: a lookup sooner proves nothing.
    pub lookup_lag_ms: u64,
}

/// What to do next in a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What this step has found out, whatever comes of the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// What comes next.
    pub then: Then,
}

/// How a task goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Then {
    /// Send this.
    Send(Box<Plan>),
    /// It is over.
    Done(Outcome),
}

impl Step {
    /// Send this next.
    pub fn send(plan: Plan) -> Self {
        Self { facts: Vec::new(), then: Then::Send(Box::new(plan)) }
    }

    /// It is over.
    pub fn done(outcome: Outcome) -> Self {
        Self { facts: Vec::new(), then: Then::Done(outcome) }
    }

    /// It is over, with a failure.
    pub fn failed(failure: Failure) -> Self {
        Self::done(Outcome::Failed(failure))
    }

    /// With these facts.
    #[must_use]
    pub fn with(mut self, facts: Vec<Fact>) -> Self {
        self.facts = facts;
        self
    }
}
