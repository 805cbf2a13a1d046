//! What happens to an alert.

use ledger::ids::StreamId;
use ledger::time::Timestamp;

use crate::events;
use crate::schema::Confidential;
use crate::values::{AlertKind, AlertResolution, Severity};

events! {
    /// What happened to an alert.
    "alert" AlertEvent {
        /// Something asks for attention.
        Raised(AlertRaised) = "ledger.alert.raised.v1" {
            /// What it is about.
            kind: AlertKind,
            /// How urgent it is.
            severity: Severity,
            /// The stream of what it is about.
            subject: StreamId,
            /// The deadline that was missed.
            deadline: Option<Timestamp>,
            /// What is known.
            detail: Confidential<String>,
        }
        /// Somebody takes care of it.
        Acknowledged(AlertAcknowledged) = "ledger.alert.acknowledged.v1" {
            /// What they say.
            note: Confidential<String>,
        }
        /// It is over.
        Resolved(AlertResolved) = "ledger.alert.resolved.v1" {
            /// Why.
            reason: AlertResolution,
            /// What is said about it.
            note: Confidential<String>,
        }
    }
}
