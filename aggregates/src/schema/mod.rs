//! What an event is made of: its type, its members, and who may see each of them.
//!
//! A member's classification is part of its Rust type.
//! A plain member is public and its type must implement [`Public`], which no free text, URL, address or digest of a body does.
//! Everything else is wrapped in [`Confidential`] or [`Personal`], leaves the log as a salted digest and comes back withheld.
//! The schemas are constants, so tests and documents walk the same thing that encodes the events.
//!
//! ```
//! use ledger_aggregates::schema::Confidential;
//! ledger_aggregates::events! {
//!     /// An example.
//!     "example" ExampleEvent {
//!         /// Something was noted.
//!         Noted(ExampleNoted) = "ledger.example.noted.v1" {
//!             /// What was noted.
//!             note: Confidential<String>,
//!         }
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! The same with a public text does not compile:
//!
//! ```compile_fail,E0277
//! ledger_aggregates::events! {
//!     /// An example.
//!     "example" ExampleEvent {
//!         /// Something was noted.
//!         Noted(ExampleNoted) = "ledger.example.noted.v1" {
//!             /// What was noted.
//!             note: String,
//!         }
//!     }
//! }
//! # fn main() {}
//! ```

use serde_json::{Map, Value};

mod document;
mod macros;
mod member;
mod public;

pub use document::markdown;
pub use member::{Confidential, Member, Personal, Private};
pub use public::{Public, SAFE_INTEGER_MAX, choice, expected, token_ok};

/// Everything there is to know about one event type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventSchema {
    /// Its reverse-DNS type with version.
    pub event_type: &'static str,
    /// The category of the streams that it stands in.
    pub category: &'static str,
    /// What it records.
    pub doc: &'static str,
    /// Its members, in the order of their declaration.
    pub members: &'static [MemberSchema],
}

/// One member of an event's `data`, or of an object within it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemberSchema {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Who may see it.
    pub class: MemberClass,
    /// What values it takes.
    pub kind: Kind,
    /// Must it be there?
    pub required: bool,
}

/// Who may see a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberClass {
    /// In the header, for everyone who sees the log.
    Public,
    /// A disclosure under the tenant's key.
    Confidential,
    /// A disclosure under the key of one data subject.
    Personal,
}

impl MemberClass {
    /// The name that documents use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Confidential => "confidential",
            Self::Personal => "personal",
        }
    }
}

/// What values a member takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A bounded text from a closed alphabet: an id, a version, a token.
    Id {
        /// Its rule in words.
        rule: &'static str,
    },
    /// One of a closed set of words.
    Choice(&'static [&'static str]),
    /// RFC 3339, UTC, microseconds.
    Time,
    /// An integer from 0 to `max`.
    Integer {
        /// The largest value.
        max: u64,
    },
    /// true or false.
    Flag,
    /// A public key, its id or its signature.
    Key {
        /// Its rule in words.
        rule: &'static str,
    },
    /// A hash of what the ledger itself publishes: an event, a tree, a checkpoint, a disclosure's digest.
    LedgerHash {
        /// Its rule in words.
        rule: &'static str,
    },
    /// One short line of a published catalogue, neither URL nor address.
    Title,
    /// A list.
    List(&'static Kind),
    /// An object.
    Object(&'static [MemberSchema]),
    /// Free text.
    Text,
    /// A URL.
    Url,
    /// The name or address of a person.
    Contact,
    /// A digest of a body or a blob.
    Digest,
    /// Any JSON.
    Json,
}

impl Kind {
    /// May a public member take such values?
    /// Free text, URLs, names, addresses and digests of bodies never may (`docs/FORMATS.md` §1).
    pub fn may_be_public(&self) -> bool {
        match self {
            Self::List(inner) => inner.may_be_public(),
            Self::Object(members) => members.iter().all(|m| m.kind.may_be_public()),
            Self::Text | Self::Url | Self::Contact | Self::Digest | Self::Json => false,
            Self::Id { .. }
            | Self::Choice(_)
            | Self::Time
            | Self::Integer { .. }
            | Self::Flag
            | Self::Key { .. }
            | Self::LedgerHash { .. }
            | Self::Title => true,
        }
    }

    /// The kind in words, for documents and error messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Id { rule } => format!("text: {rule}"),
            Self::Choice(words) => words.join(" \\| "),
            Self::Time => "time".to_owned(),
            Self::Integer { max } => format!("integer, 0 to {max}"),
            Self::Flag => "true or false".to_owned(),
            Self::Key { rule } => format!("key material: {rule}"),
            Self::LedgerHash { rule } => format!("hash: {rule}"),
            Self::Title => "one line of at most 200 characters".to_owned(),
            Self::List(inner) => format!("list of ({})", inner.describe()),
            Self::Object(_) => "object".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Url => "URL".to_owned(),
            Self::Contact => "name or address".to_owned(),
            Self::Digest => "digest of a body".to_owned(),
            Self::Json => "any JSON".to_owned(),
        }
    }
}

/// Refuses members that the schema of an event does not know.
///
/// # Errors
/// The name of the first one.
pub fn known_members(schema: &EventSchema, data: &Map<String, Value>) -> Result<(), String> {
    match data.keys().find(|name| schema.members.iter().all(|m| m.name != name.as_str())) {
        Some(name) => Err(format!("/{name} is not a member of this type")),
        None => Ok(()),
    }
}

/// Refuses members of an object that are not among `names`.
///
/// # Errors
/// The name of the first one.
pub fn only(names: &[&str], data: &Map<String, Value>) -> Result<(), String> {
    match data.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(format!("has the unknown member {name:?}")),
        None => Ok(()),
    }
}
