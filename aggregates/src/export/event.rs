//! What happens to an export of a log.

use crate::events;
use crate::schema::Confidential;
use crate::values::{ExportFailure, ExportPurpose};

events! {
    /// What happened to an export.
    "export" ExportEvent {
        /// Somebody asked for an export. It holds at least this event.
        Requested(ExportRequested) = "ledger.export.requested.v1" {
            /// What it is for.
            purpose: ExportPurpose,
            /// Are disclosures left out?
            redacted: bool,
            /// Who gets it.
            recipient: Confidential<String>,
        }
        /// The export is whole.
        Completed(ExportCompleted) = "ledger.export.completed.v1" {
            /// The size of the log in it.
            log_size: u64,
            /// How many files it has.
            files: u32,
        }
        /// The export was given up.
        Failed(ExportFailed) = "ledger.export.failed.v1" {
            /// Why.
            reason: ExportFailure,
            /// What went wrong.
            detail: Confidential<String>,
        }
    }
}
