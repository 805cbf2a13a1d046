//! What happens to an intent, from the wish to its outcome.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::Confidential;
use crate::ticket::{SeenField, SeenState};
use crate::values::{
    CancelReason, EffectKind, EffectPurpose, FailureWord, IntegrationId, RepeatRule, TicketId, ValueMac,
};

events! {
    /// What happened to an intent.
    "intent" IntentEvent {
        /// Something is to be brought about in another system, once.
        Requested(IntentRequested) = "ledger.intent.requested.v1" {
            /// Where.
            integration: IntegrationId,
            /// What.
            kind: EffectKind,
            /// The ticket that it is about.
            ticket: Option<TicketId>,
            /// Which of the ticket's sendings it carries out.
            number: Option<u32>,
            /// The intent in the words of the adapter protocol.
            payload: Confidential<serde_json::Value>,
        }
        /// A request is about to be sent, or is known not to have been carried out. Durable before a byte leaves.
        AttemptStarted(IntentAttemptStarted) = "ledger.intent.attempt_started.v1" {
            /// The number of the attempt, counted from 1.
            attempt: u32,
            /// Which request of the attempt's task, counted from 1.
            step: u32,
            /// What the request is for.
            purpose: EffectPurpose,
            /// What happens when it is sent twice.
            repeat: RepeatRule,
            /// Is it known that it was not carried out?
            unsent: bool,
            /// The request with what the adapter wants to remember.
            sending: Confidential<serde_json::Value>,
        }
        /// It waits, because of a failure that passes by itself.
        Delayed(IntentDelayed) = "ledger.intent.delayed.v1" {
            /// The number of the attempt that failed.
            attempt: u32,
            /// Why.
            reason: FailureWord,
            /// When the next attempt may begin.
            not_before: Timestamp,
            /// What was said.
            detail: Confidential<String>,
        }
        /// Nobody knows whether it was carried out. It is looked up, never repeated.
        Uncertain(IntentUncertain) = "ledger.intent.uncertain.v1" {
            /// The number of the attempt.
            attempt: u32,
            /// When a lookup may begin: the other side's search lags.
            not_before: Timestamp,
            /// Why nobody knows.
            detail: Confidential<String>,
        }
        /// A lookup did not find it.
        Absent(IntentAbsent) = "ledger.intent.absent.v1" {
            /// How many lookups in a row did not find it. After the second it may be carried out again.
            looked: u32,
            /// When the next lookup, or the next attempt, may begin.
            not_before: Timestamp,
        }
        /// It is carried out, now or before.
        Succeeded(IntentSucceeded) = "ledger.intent.succeeded.v1" {
            /// The ticket that it is about.
            ticket: Option<TicketId>,
            /// Which of the ticket's sendings it carried out.
            number: Option<u32>,
            /// How many attempts it took.
            attempts: u32,
            /// Which ticket it is at the other side, as the MAC of its permanent id.
            remote: Option<ValueMac>,
            /// The MACs of the marks of our writes, at most 16: a change that carries one of them is an echo.
            receipts: Vec<ValueMac>,
            /// The ticket as it was read back.
            seen: Option<SeenState>,
            /// The outcome in the words of the adapter protocol.
            result: Confidential<serde_json::Value>,
        }
        /// It waits for somebody.
        Parked(IntentParked) = "ledger.intent.parked.v1" {
            /// Why.
            reason: FailureWord,
            /// The ticket that it is about.
            ticket: Option<TicketId>,
            /// Which of the ticket's sendings it carries out.
            number: Option<u32>,
            /// After how many attempts.
            attempts: u32,
            /// Which time it is parked, counted from 1.
            episode: u32,
            /// The fields that both sides changed, with their values there.
            conflicts: Vec<SeenField>,
            /// What was said.
            detail: Confidential<serde_json::Value>,
        }
        /// Somebody wants it tried again.
        Replayed(IntentReplayed) = "ledger.intent.replayed.v1" {
            /// Which time of being parked is over.
            episode: u32,
        }
        /// It is not carried out any more.
        Cancelled(IntentCancelled) = "ledger.intent.cancelled.v1" {
            /// Why.
            reason: CancelReason,
            /// The ticket that it is about.
            ticket: Option<TicketId>,
            /// Which of the ticket's sendings it carried out.
            number: Option<u32>,
            /// Which time of being parked is over with it.
            episode: Option<u32>,
        }
    }
}
