//! What happens in a run of an integration.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::Confidential;
use crate::values::{FailureWord, IntegrationId, RunGap, RunKind, RunTrigger};

events! {
    /// What happened in a run of an integration.
    "run" RunEvent {
        /// A run began.
        Started(RunStarted) = "ledger.run.started.v1" {
            /// Of which integration.
            integration: IntegrationId,
            /// What it does.
            what: RunKind,
            /// What started it.
            trigger: RunTrigger,
            /// When it was due; absent: it was not scheduled.
            due: Option<Timestamp>,
        }
        /// A page was read, and what it says is recorded.
        PageRead(RunPageRead) = "ledger.run.page_read.v1" {
            /// Which page, counted from 1.
            page: u32,
            /// How many facts it held.
            facts: u32,
        }
        /// Everything was read.
        Finished(RunFinished) = "ledger.run.finished.v1" {
            /// How many pages.
            pages: u32,
            /// How many facts.
            facts: u32,
            /// Where the next run begins.
            cursor: Confidential<serde_json::Value>,
            /// What was found: the account and the product of a health run, what does not fit.
            detail: Confidential<serde_json::Value>,
        }
        /// Less than everything was read: what was not seen is not absent, and the next run begins where this one did.
        Inconclusive(RunInconclusive) = "ledger.run.inconclusive.v1" {
            /// Why.
            reason: RunGap,
            /// How many facts were found before.
            facts: u32,
            /// What is known.
            detail: Confidential<String>,
        }
        /// It could not be done.
        Failed(RunFailed) = "ledger.run.failed.v1" {
            /// Why.
            reason: FailureWord,
            /// What was said.
            detail: Confidential<String>,
        }
    }
}
