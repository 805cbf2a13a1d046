//! What an adapter has found out about the other system.

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{RemoteRef, Status};

/// A mark by which a change at the vendor is known again: `jira:changelog:10023`, `servicenow:<sys_id>:7`.
/// The receipts of our own writes are recorded; a fact that carries one of them is an echo.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Receipt(pub String);

/// Something found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What.
    pub kind: FactKind,
    /// About which ticket.
    pub remote: RemoteRef,
    /// The obligation key that the ticket carries, where it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The same for every delivery of the same fact.
    pub dedupe: String,
    /// The marks of the changes that it reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<Receipt>,
    /// When it happened, by the vendor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Who did it, by the vendor's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FactKind {
    /// The ticket was read and looks like this.
    Seen(Snapshot),
    /// Someone says that it has changed: read it. A message of the vendor is a hint, never the truth.
    Hint {},
    /// Someone says that it is gone: read it.
    GoneHint {},
    /// Someone has commented.
    Commented {
        /// The comment's id.
        id: String,
        /// Its text, plain.
        text: String,
    },
}

/// A ticket as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The vendor's mark of this state of the ticket; two equal ones are the same state.
    pub version: String,
    /// Its place among the states of the ticket: a later state has a higher rank. By it an old state that is read late
    /// is told from a change. None: the vendor does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u64>,
    /// Where it stands; none if the vendor's state is not mapped.
    pub status: Option<Status>,
    /// The vendor's own word for it.
    pub vendor_status: String,
    /// The neutral fields that are mapped, plain.
    pub fields: Map<String, Value>,
}
