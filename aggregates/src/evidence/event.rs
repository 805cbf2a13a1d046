//! What happens to a piece of evidence.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::{Confidential, Kind, Private};
use crate::values::{CheckId, CheckResult, ControlRef, EvidenceId, ProbeId, ReviewVerdict, TargetRef};

events! {
    /// What happened to a piece of evidence.
    "evidence" EvidenceEvent {
        /// The result of a check was handed in.
        Submitted(EvidenceSubmitted) = "ledger.evidence.submitted.v1" {
            /// What was checked.
            check: CheckId,
            /// The probe that checked; absent: the actor of the header.
            probe: Option<ProbeId>,
            /// What was looked at, as an opaque reference.
            target_ref: TargetRef,
            /// The controls that it bears on, 1 to 32.
            controls: Vec<ControlRef>,
            /// The result that counts.
            result: CheckResult,
            /// The result as handed in, where the ledger records another one.
            reported_result: Option<CheckResult>,
            /// How many things were checked.
            checked: u32,
            /// How many things were left out.
            skipped: u32,
            /// When the observation began.
            observed_from: Timestamp,
            /// When the observation ended.
            observed_to: Timestamp,
            /// When the sender sent it.
            sent_at: Timestamp,
            /// When the ledger received it.
            received_at: Timestamp,
            /// When the next is expected at the latest, in seconds after `observed_to`.
            cadence_seconds: Option<u32>,
            /// A headline.
            title: Confidential<String>,
            /// What was found, in words.
            summary: Confidential<String>,
            /// The name of what was looked at.
            target: Confidential<String>,
            /// What was found, in detail.
            findings: Confidential<serde_json::Value>,
            /// Attached files.
            blobs: Confidential<Vec<BlobRef>>,
        }
        /// The evidence bears on more controls. What it says is repeated, so that a reactor need not look it up.
        Linked(EvidenceLinked) = "ledger.evidence.linked.v1" {
            /// The further controls, 1 to 32.
            controls: Vec<ControlRef>,
            /// What was checked.
            check: CheckId,
            /// The probe that checked; absent: whoever links vouches for it.
            probe: Option<ProbeId>,
            /// What was looked at, as an opaque reference.
            target_ref: TargetRef,
            /// The result that counts.
            result: CheckResult,
            /// When the observation ended.
            observed_to: Timestamp,
            /// When the next is expected at the latest, in seconds after `observed_to`.
            cadence_seconds: Option<u32>,
        }
        /// Somebody looked at the evidence.
        Reviewed(EvidenceReviewed) = "ledger.evidence.reviewed.v1" {
            /// What they think.
            verdict: ReviewVerdict,
            /// The controls that the evidence bears on.
            controls: Vec<ControlRef>,
            /// Why.
            note: Confidential<String>,
        }
        /// Other evidence takes its place.
        Superseded(EvidenceSuperseded) = "ledger.evidence.superseded.v1" {
            /// The other evidence.
            by: EvidenceId,
            /// The controls that the evidence bore on.
            controls: Vec<ControlRef>,
        }
        /// The evidence is too old to count.
        Expired(EvidenceExpired) = "ledger.evidence.expired.v1" {
            /// Since when.
            expired_at: Timestamp,
            /// The controls that the evidence bore on.
            controls: Vec<ControlRef>,
        }
    }
}

/// A file that belongs to a piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// Its id in the store.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Private for Vec<BlobRef> {
    const KIND: Kind = Kind::List(&Kind::Digest);

    fn to_json(&self) -> serde_json::Value {
        let blob = |b: &BlobRef| {
            serde_json::json!({
                "id": b.id, "name": b.name, "media_type": b.media_type, "sha256": b.sha256, "size": b.size,
            })
        };
        serde_json::Value::Array(self.iter().map(blob).collect())
    }
}
