//! What happens to a probe.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::Confidential;
use crate::values::{ProbeKind, RetireReason, Version};

events! {
    /// What happened to a probe.
    "probe" ProbeEvent {
        /// A probe will report.
        Registered(ProbeRegistered) = "ledger.probe.registered.v1" {
            /// What it looks at.
            kind: ProbeKind,
            /// How often it reports, in seconds.
            cadence_seconds: u32,
            /// When it will count as silent if nothing is heard.
            silent_after: Timestamp,
            /// What people call it.
            name: Confidential<String>,
        }
        /// A probe lives. Recorded when something about it changed or a period has passed, not each time.
        Heartbeat(ProbeHeartbeat) = "ledger.probe.heartbeat.v1" {
            /// When it was sent.
            sent_at: Timestamp,
            /// How often it reports, in seconds.
            cadence_seconds: u32,
            /// The version of its program.
            version: Option<Version>,
            /// How many events wait at the probe.
            spool_events: u32,
            /// How many KiB wait at the probe.
            spool_kib: u32,
            /// When it will count as silent if nothing more is heard.
            silent_after: Timestamp,
        }
        /// Nothing was heard of the probe for too long.
        WentSilent(ProbeWentSilent) = "ledger.probe.went_silent.v1" {
            /// When it should have been heard of at the latest.
            deadline: Timestamp,
        }
        /// The probe is heard of again.
        CameBack(ProbeCameBack) = "ledger.probe.came_back.v1" {
            /// The deadline that had been missed.
            deadline: Timestamp,
        }
        /// The probe will not report any more.
        Retired(ProbeRetired) = "ledger.probe.retired.v1" {
            /// Why.
            reason: RetireReason,
            /// The missed deadline of the silence that ends with it.
            deadline: Option<Timestamp>,
        }
    }
}
