//! How a task ended.

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Receipt, RemoteRef, Snapshot};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// The intent is carried out, now or before.
    Succeeded {
        /// The ticket.
        remote: RemoteRef,
        /// The ticket as it was read back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<Box<Snapshot>>,
        /// The marks of our writes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        receipts: Vec<Receipt>,
        /// What an operator should know: a field that the vendor ignored, a write in between.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
    },
    /// To a lookup: it was not carried out, as far as the vendor's search knows.
    Absent {},
    /// It failed.
    Failed(Failure),
    /// A poll has read everything up to here.
    Polled {
        /// Where the next one begins.
        cursor: Value,
    },
    /// To `health`.
    Health(Health),
    /// To `subscribe`: messages come.
    Subscribed {
        /// What is to be remembered of the registration.
        state: Value,
        /// When they end unless it is renewed; none: they do not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
    },
    /// To `unsubscribe`: no more messages come.
    Unsubscribed {},
}

/// Why something failed, and what may be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// What the vendor or the adapter says.
    pub message: String,
    /// What an operator can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Box<str>>,
    /// The field or the member of the configuration that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Box<str>>,
    /// What was offered instead: the transitions there are, the values that a choice has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<String>,
    /// The fields that both sides changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// What the vendor says about the rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Box<Rate>>,
}

/// A field that both sides changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// Which.
    pub field: String,
    /// Its value when both sides last agreed.
    pub base: Value,
    /// Ours.
    pub ours: Value,
    /// Theirs.
    pub theirs: Value,
}

/// What a vendor says about its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Not before this many milliseconds; none: it does not say.
    pub after_ms: Option<u64>,
    /// Whether the whole connection must wait, and not only this scope.
    pub whole_connection: bool,
}

/// Which kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The other side is not reachable or not well: try again.
    Unavailable,
    /// Too fast: try again later.
    RateLimited,
    /// The credential is not taken: renew it. The work waits.
    Unauthenticated,
    /// The account lacks a right. The work waits for an operator.
    Forbidden,
    /// The configuration does not fit: a field is required, unknown or has no such value. The work waits.
    NeedsConfiguration,
    /// The ticket is not there, or may not be seen: nobody can tell which. It is not made again by itself.
    Missing,
    /// The workflow does not lead there from here.
    Blocked,
    /// Both sides changed the same field.
    Conflict,
    /// The ticket is closed for good: what is left to do needs a successor.
    Closed,
    /// The request was wrong in itself.
    Rejected,
    /// The vendor's answer makes no sense.
    Malformed,
    /// The adapter cannot do this.
    Unsupported,
    /// The adapter's process fails, or breaks the protocol. The host alone says it.
    #[serde(skip_deserializing)]
    Adapter,
}

impl FailureKind {
    /// Whether the same request may succeed later with nobody doing anything.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::RateLimited)
    }

    /// Whether the work waits for an operator, and is done when they have acted.
    pub const fn waits_for_operator(self) -> bool {
        matches!(self, Self::Unauthenticated | Self::Forbidden | Self::NeedsConfiguration)
    }
}

impl Failure {
    /// A failure with nothing but a message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            field: None,
            offered: Vec::new(),
            conflicts: Vec::new(),
            rate: None,
        }
    }

    /// With what can be done about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// About this field.
    #[must_use]
    pub fn field(mut self, field: impl Into<Box<str>>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// With what was offered instead.
    #[must_use]
    pub fn offered(mut self, offered: Vec<String>) -> Self {
        self.offered = offered;
        self
    }
}

/// How a connection is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The account that the vendor sees, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The vendor's product and version, if it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// What in the configuration does not fit what the vendor has: each is a reason to call it degraded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Failure>,
}
