//! The signed header of an event, and the event as it is sealed and stored (formats.md §1-§3).
//!
//! The header's bytes are stored as they were signed and never serialised again.
//! Neither position nor index is in it: both are unknown when it is signed, the Merkle log binds the index.

use std::borrow::Cow;
use std::fmt;

use crate::b64;
use crate::canonical::JsonError;
use crate::dsse;
use crate::ids::{Actor, CommandId, EventId, StreamId, TenantId};
use crate::keys::Kid;
use crate::time::Timestamp;

mod cursor;
mod entry;
mod header;
mod seal;
#[cfg(test)]
mod tests;

pub use entry::{Entry, entry_bytes, entry_into, leaf_of, parse_entry};
pub use seal::{SealContext, SealError, SealedEvent, seal};

/// The largest header in bytes, so that its entry fits [`ENTRY_MAX`].
pub const HEADER_MAX: usize = 35_000;

/// The largest log entry in bytes: a widely used proof parser caps a line at 64 KiB, in base64.
pub const ENTRY_MAX: usize = 48_000;

/// The longest event type.
pub const TYPE_MAX: usize = 120;

/// SHA-256 of the header's pre-authentication encoding; `prev` of the next event in the stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventHash(pub [u8; 32]);

impl EventHash {
    /// The hash of the event whose signed bytes are `header`.
    pub fn of(header: &[u8]) -> Self {
        Self(dsse::pae_hash(dsse::PAYLOAD_TYPE, header))
    }

    /// Reads the 43 characters of base64url.
    pub fn from_text(text: &[u8]) -> Option<Self> {
        b64::decode_url_32(text).map(Self)
    }
}

impl fmt::Display for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&b64::encode_url_32(&self.0)).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An event's header, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// The event's id, a UUIDv7.
    pub id: EventId,
    /// The reverse-DNS type with version.
    pub event_type: Cow<'a, str>,
    /// Whose log.
    pub tenant: TenantId,
    /// The aggregate's stream.
    pub stream: StreamId,
    /// 0-based revision in the stream.
    pub seq: u64,
    /// Hash of the event before in the stream; absent at 0.
    pub prev: Option<EventHash>,
    /// When it was decided.
    pub time: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// The event that caused this one.
    pub cause: Option<EventId>,
    /// The conversation that it belongs to.
    pub correlation: Option<EventId>,
    /// The command that it came from.
    pub cmd: Option<CommandId>,
    /// The signing key.
    pub kid: Kid,
    /// The public members: the canonical bytes of a JSON object.
    pub data: &'a [u8],
    /// Digests of the withheld members, in the order of their base64url text.
    pub sd: Vec<[u8; 32]>,
}

/// A header or entry that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Longer than the limit.
    #[error("the {what} has {size} bytes, more than {max}")]
    TooLarge {
        /// Header or entry.
        what: &'static str,
        /// Its size.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// Not canonical JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member is missing or not as the format says.
    #[error("header member {member}: {rule}")]
    Member {
        /// The member.
        member: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A member that the format does not know.
    #[error("the header has an unknown member {0:?}")]
    UnknownMember(String),
    /// Bytes that are no JSON object at all.
    #[error("the header is not a JSON object")]
    NoObject,
    /// An entry that is not the one encoding of a header and a signature.
    #[error("the entry is not the canonical envelope of one signed header: {0}")]
    Entry(&'static str),
}

/// Is this an event type: lower case, dotted, with a version at its end?
pub fn is_event_type(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    let version = text.rsplit_once(".v").is_some_and(|(name, version)| {
        !name.is_empty() && (1..=4).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_digit())
    });
    version && text.len() <= TYPE_MAX && text.bytes().all(allowed)
}
