//! What may be asked of a piece of evidence.

use ledger::time::Timestamp;
use serde_json::Value;

use super::BlobRef;
use crate::values::{CheckId, CheckResult, ControlRef, EvidenceId, ProbeId, ReviewVerdict, TargetRef};

/// What may be asked of a piece of evidence.
#[derive(Debug, Clone, PartialEq)]
pub enum EvidenceCommand {
    /// Hand in the result of a check.
    Submit(Box<SubmitEvidence>),
    /// Let it bear on more controls.
    Link {
        /// The further controls.
        controls: Vec<ControlRef>,
    },
    /// Say whether it shows what it claims.
    Review {
        /// What the reviewer thinks.
        verdict: ReviewVerdict,
        /// Why.
        note: Option<String>,
    },
    /// Let other evidence take its place.
    Supersede {
        /// The other evidence.
        by: EvidenceId,
    },
    /// Let it no longer count because of its age.
    Expire,
}

/// The result of a check, as it is handed in.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmitEvidence {
    /// What was checked.
    pub check: CheckId,
    /// The probe that checked; none: the actor.
    pub probe: Option<ProbeId>,
    /// What was looked at.
    pub target_ref: TargetRef,
    /// The controls that it bears on.
    pub controls: Vec<ControlRef>,
    /// What was found.
    pub result: CheckResult,
    /// How many things were checked.
    pub checked: u32,
    /// How many things were left out.
    pub skipped: u32,
    /// When the observation began.
    pub observed_from: Timestamp,
    /// When the observation ended.
    pub observed_to: Timestamp,
    /// When the sender sent it.
    pub sent_at: Timestamp,
    /// When the next is expected at the latest, in seconds after `observed_to`.
    pub cadence_seconds: Option<u32>,
    /// A headline.
    pub title: String,
    /// What was found, in words.
    pub summary: Option<String>,
    /// The name of what was looked at.
    pub target: Option<String>,
    /// What was found, in detail: a list.
    pub findings: Option<Value>,
    /// Attached files.
    pub blobs: Vec<BlobRef>,
}

/// The bounds of a submission.
pub mod limits {
    use std::time::Duration;

    /// More controls would make one check a statement about a whole catalogue; the header stays below 35,000 bytes.
    pub const CONTROLS_MAX: usize = 32;
    /// A headline fits a line of a list.
    pub const TITLE_CHARS_MAX: usize = 200;
    /// A page of text; more belongs into a blob.
    pub const SUMMARY_CHARS_MAX: usize = 4_000;
    /// A host or resource name, with room for the longest domain name.
    pub const TARGET_CHARS_MAX: usize = 300;
    /// A thousand findings can be read; more is a report and belongs into a blob.
    pub const FINDINGS_MAX: usize = 1_000;
    /// The same bound in bytes of JSON, so that one event stays cheap to read.
    pub const FINDINGS_BYTES_MAX: usize = 256 * 1024;
    /// Files that one check attaches.
    pub const BLOBS_MAX: usize = 16;
    /// The name of a file, as file systems bound it.
    pub const BLOB_NAME_BYTES_MAX: usize = 255;
    /// A year and a day: evidence that is renewed less often is no evidence.
    pub const CADENCE_SECONDS_MAX: u32 = 366 * 86_400;
    /// Clocks differ; what lies further ahead was not observed.
    pub const FUTURE_MAX: Duration = Duration::from_secs(300);
}
