//! Receipts: what the ledger answers for a piece of evidence, and the check that makes it proof.

use ledger::event::{EventError, Header, parse_entry};
use ledger::keys::{self, Kid, PublicKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::evidence::{CheckResult, Evidence};

/// The type of the event that a receipt proves.
pub const SUBMITTED: &str = "ledger.evidence.submitted.v1";

/// The ledger's answer for one piece of evidence: the committed log entry and its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The evidence's id.
    pub evidence: Uuid,
    /// The event's id.
    pub event: Uuid,
    /// Whose log.
    pub tenant: String,
    /// `evidence-<id>`.
    pub stream: String,
    /// The event's revision in its stream.
    pub seq: u64,
    /// Its place in the log.
    pub index: u64,
    /// The committed entry, base64: a DSSE envelope.
    pub entry: String,
    /// The result that counts: a pass that checked nothing is recorded as inconclusive.
    pub recorded_result: CheckResult,
    /// Had the ledger this evidence already?
    #[serde(default)]
    pub duplicate: bool,
}

/// Why a receipt is not believed. The evidence stays in the spool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The entry is not a log entry.
    #[error("the receipt's entry is not base64 of a log entry: {0}")]
    Entry(String),
    /// The entry is signed with a key that is not known yet, or not one of this log.
    #[error("the receipt is signed with key {0}, which the pinned log has not introduced")]
    UnknownKey(Kid),
    /// The signature does not verify.
    #[error("the receipt's signature does not verify: {0}")]
    Signature(String),
    /// It proves something else.
    #[error("the receipt is for another {what}: {found} instead of {expected}")]
    Other {
        /// What differs.
        what: &'static str,
        /// What the entry says.
        found: String,
        /// What was sent.
        expected: String,
    },
}

/// Checks that `receipt` proves that the log of `tenant` holds `sent`; `key_of` knows the log's keys.
///
/// # Errors
/// [`ReceiptError`] says what does not hold.
pub fn verify<'k>(
    receipt: &Receipt,
    sent: &Evidence,
    tenant: &str,
    key_of: impl FnOnce(Kid) -> Option<&'k PublicKey>,
) -> Result<(), ReceiptError> {
    use base64::Engine as _;
    let entry = base64::engine::general_purpose::STANDARD
        .decode(&receipt.entry)
        .map_err(|error| ReceiptError::Entry(error.to_string()))?;
    let refused = |error: EventError| ReceiptError::Entry(error.to_string());
    let entry = parse_entry(&entry).map_err(refused)?;
    let key = key_of(entry.kid).ok_or(ReceiptError::UnknownKey(entry.kid))?;
    let signed = ledger::dsse::pae(ledger::dsse::PAYLOAD_TYPE, &entry.header);
    keys::verify(key, &signed, &entry.signature)
        .map_err(|error| ReceiptError::Signature(error.to_string()))?;
    let header = Header::parse(&entry.header).map_err(refused)?;

    let id = sent.id.unwrap_or_default();
    let data: serde_json::Value =
        serde_json::from_slice(header.data).map_err(|error| ReceiptError::Entry(error.to_string()))?;
    let member = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
    let same = |what, found: String, expected: String| {
        if found == expected { Ok(()) } else { Err(ReceiptError::Other { what, found, expected }) }
    };
    same("key", entry.kid.to_string(), header.kid.to_string())?;
    same("kind of event", header.event_type.to_string(), SUBMITTED.to_owned())?;
    same("tenant", header.tenant.to_string(), tenant.to_owned())?;
    same("evidence", header.stream.to_string(), format!("evidence-{id}"))?;
    same("evidence", receipt.evidence.to_string(), id.to_string())?;
    same("check", member("check"), sent.check.clone())?;
    let reported = if data["reported_result"].is_string() { "reported_result" } else { "result" };
    same("result", member(reported), sent.result.as_str().to_owned())
}
