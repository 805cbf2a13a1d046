//! What may be asked of an intent.

use ledger::time::Timestamp;
use serde_json::Value;

use crate::ticket::{SeenField, SeenState};
use crate::values::{
    CancelReason, EffectKind, EffectPurpose, FailureWord, IntegrationId, RepeatRule, TicketId, ValueMac,
};

/// What may be asked of an intent.
#[derive(Debug, Clone, PartialEq)]
pub enum IntentCommand {
    /// Bring something about. An intent that there is does not change.
    Request {
        /// Where.
        integration: IntegrationId,
        /// What.
        kind: EffectKind,
        /// The ticket that it is about.
        ticket: Option<TicketId>,
        /// Which of the ticket's sendings it carries out.
        number: Option<u32>,
        /// The intent in the words of the adapter protocol (`ledger_connectors::protocol::Intent`).
        payload: Value,
    },
    /// A request is about to be sent, or is known not to have been carried out.
    Attempt {
        /// Which request of the task, counted from 1.
        step: u32,
        /// What the request is for.
        purpose: EffectPurpose,
        /// What happens when it is sent twice.
        repeat: RepeatRule,
        /// Is it known that it was not carried out?
        unsent: bool,
        /// The request with what the adapter wants to remember.
        sending: Value,
    },
    /// It failed in a way that passes by itself. After too many failures it is parked instead.
    Delay {
        /// Why.
        reason: FailureWord,
        /// When the next attempt may begin.
        not_before: Timestamp,
        /// What was said.
        detail: Option<String>,
    },
    /// Nobody knows whether it was carried out. After too many lookups it is parked instead.
    Doubt {
        /// When a lookup may begin.
        not_before: Timestamp,
        /// Why nobody knows.
        detail: Option<String>,
    },
    /// A lookup did not find it.
    NotFound {
        /// When the next lookup, or the next attempt, may begin.
        not_before: Timestamp,
    },
    /// It is carried out.
    Succeed {
        /// Which ticket it is at the other side, as the MAC of its permanent id.
        remote: Option<ValueMac>,
        /// The MACs of the marks of our writes.
        receipts: Vec<ValueMac>,
        /// The ticket as it was read back.
        seen: Option<SeenState>,
        /// The outcome in the words of the adapter protocol.
        result: Value,
    },
    /// It cannot be carried out before somebody acts.
    Park {
        /// Why.
        reason: FailureWord,
        /// The fields that both sides changed, with their values there.
        conflicts: Vec<SeenField>,
        /// What was said, in the words of the adapter protocol.
        detail: Option<Value>,
    },
    /// Try it again, from the beginning or from its lookup.
    Replay,
    /// Do not carry it out any more.
    Cancel {
        /// Why.
        reason: CancelReason,
    },
}

/// The bounds of an intent.
pub mod limits {
    /// Failures that pass by themselves before it is parked: with a backoff that grows to an hour, about a day.
    pub const FAILURES_MAX: u32 = 30;
    /// Waits for a rate limit before it is parked. The other side said when to come back, so they are no failures.
    pub const RATE_WAITS_MAX: u32 = 1_000;
    /// Times of doubt before it is parked: each is a request of which nobody knows what became of it.
    pub const DOUBTS_MAX: u32 = 10;
    /// Lookups in a row that must not find it before it may be carried out again.
    pub const LOOKS_MIN: u32 = 2;
    /// Marks of writes in one event.
    pub const RECEIPTS_MAX: usize = 16;
    /// Fields in one event.
    pub const FIELDS_MAX: usize = 32;
    /// What another system says about an error, cut to a page.
    pub const DETAIL_CHARS_MAX: usize = 4_000;
}
