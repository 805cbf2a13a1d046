//! What is to be brought about in the other system.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Document;

/// One thing to be brought about, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The id of the intent's stream.
    pub id: String,
    /// The obligation that it serves: the same for every intent on the same ticket, and the key by which the
    /// ticket is found again at the vendor.
    pub key: String,
    /// Whose it is.
    pub tenant: String,
    /// The ticket that it is about, as far as it is known. None: it does not exist yet.
    pub ticket: Option<KnownTicket>,
    /// What to bring about.
    pub effect: Effect,
}

/// A ticket as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownTicket {
    /// Where it is.
    pub remote: RemoteRef,
    /// The neutral fields as they were when both sides last agreed: the base of a three-way comparison.
    #[serde(default)]
    pub base: Map<String, Value>,
}

/// A ticket at the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteRef {
    /// The id that never changes.
    pub id: String,
    /// What people call it. It may change when a ticket moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where people see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What to bring about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// A ticket.
    Open(Ticket),
    /// Other values in a ticket.
    Update(Change),
    /// A comment.
    Comment {
        /// What it says.
        text: Document,
        /// Whether the customer may see it (ServiceNow's `comments`); otherwise only those who work on it.
        #[serde(default)]
        public: bool,
    },
    /// A file.
    Attach(BlobRef),
    /// Another status.
    Move(Target),
    /// The ticket as it is now: nothing is brought about, one fact is found out.
    Read {},
    /// Something that only a custom adapter knows.
    Custom {
        /// Which.
        kind: String,
        /// Its data.
        data: Value,
    },
}

impl Effect {
    /// Its name among an adapter's capabilities.
    pub fn kind(&self) -> &str {
        match self {
            Self::Open(_) => "open",
            Self::Update(_) => "update",
            Self::Comment { .. } => "comment",
            Self::Attach(_) => "attach",
            Self::Move(_) => "move",
            Self::Read {} => "read",
            Self::Custom { kind, .. } => kind,
        }
    }
}

/// A ticket to be opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// One line.
    pub title: String,
    /// What it is about.
    pub text: Document,
    /// What templates may name: `control`, `framework`, `severity`, `due`, `url`, and more.
    #[serde(default)]
    pub facts: Map<String, Value>,
    /// Where people see it on our side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Other values in a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Neutral fields (`title`, `text`, and what templates name) with their new values.
    pub set: Map<String, Value>,
    /// What to do where the other side has changed the same field too.
    #[serde(default)]
    pub overwrite: bool,
}

/// The status that a ticket shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Which.
    pub status: Status,
    /// What is said about it: a comment, or the closing notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Where a ticket stands, in words that every vendor's can be mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody works on it yet.
    Open,
    /// Someone does.
    InProgress,
    /// It waits for something.
    OnHold,
    /// The other side says it is done. A claim, until evidence shows it.
    Resolved,
    /// It is closed.
    Closed,
    /// It will not be done.
    Cancelled,
}

impl Status {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::InProgress, Self::OnHold, Self::Resolved, Self::Closed, Self::Cancelled];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in_progress",
            Self::OnHold => "on_hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A blob that the host holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobRef {
    /// Its id in the store.
    pub id: String,
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub size_bytes: u64,
}
