//! The signed header of an event, and the event as it is sealed and stored (formats.md §1-§3).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::canonical::JsonError;
use crate::clock::Entropy;
use crate::disclosure::{DataKeys, DisclosureError, SealedDisclosure};
use crate::domain::{Cause, EventBody};
use crate::ids::{Actor, CommandId, EventId, StreamId, TenantId};
use crate::keys::{Kid, Signer};
use crate::time::Timestamp;

/// The largest header in bytes, so that its entry fits [`ENTRY_MAX`].
pub const HEADER_MAX: usize = 35_000;

/// The largest log entry in bytes: a widely used proof parser caps a line at 64 KiB, in base64.
pub const ENTRY_MAX: usize = 48_000;

/// SHA-256 of the header's pre-authentication encoding; `prev` of the next event in the stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventHash(pub [u8; 32]);

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
    /// Sorted digests of the withheld members.
    pub sd: Vec<[u8; 32]>,
}

/// A header or entry that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Longer than the limit.
    #[error("{what} has {size} bytes, more than {max}")]
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
    /// A member is missing, unknown, or not as the format says.
    #[error("header member {member}: {rule}")]
    Member {
        /// The member.
        member: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A member that the format does not know.
    #[error("the header has an unknown member")]
    UnknownMember,
    /// An entry that is not the one encoding of a header and a signature.
    #[error("the entry is not the canonical envelope of one signed header: {0}")]
    Entry(&'static str),
}

impl<'a> Header<'a> {
    /// Reads a header strictly: canonical bytes, known members, every rule of the format.
    ///
    /// # Errors
    /// [`EventError`] names the rule.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EventError> {
        Self::parse_trusted(bytes)
    }

    /// Reads a header whose signature or origin vouches for its form, without checking that it is canonical.
    ///
    /// # Errors
    /// [`EventError`] if it is no header all the same.
    pub fn parse_trusted(_bytes: &'a [u8]) -> Result<Self, EventError> {
        Err(EventError::UnknownMember)
    }
}

/// An event ready to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// Its id.
    pub id: EventId,
    /// Whose log.
    pub tenant: TenantId,
    /// Its stream.
    pub stream: StreamId,
    /// Its revision.
    pub seq: u64,
    /// Hash of the event before in the stream, as the header says; the store holds it against the head.
    pub prev: Option<EventHash>,
    /// Its time.
    pub time: Timestamp,
    /// Its type.
    pub event_type: Cow<'static, str>,
    /// The key that signed it.
    pub kid: Kid,
    /// The signed bytes.
    pub header: Arc<[u8]>,
    /// The signature over their pre-authentication encoding.
    pub signature: [u8; 64],
    /// What the next event of the stream names as `prev`.
    pub hash: EventHash,
    /// RFC 6962 leaf hash of the entry.
    pub leaf: [u8; 32],
    /// The withheld members, encrypted.
    pub disclosures: Vec<SealedDisclosure>,
}

/// What a header says besides the event itself.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    /// Whose log.
    pub tenant: &'a TenantId,
    /// The aggregate's stream.
    pub stream: &'a StreamId,
    /// The revision to be.
    pub seq: u64,
    /// The hash of the event before; `None` at 0.
    pub prev: Option<EventHash>,
    /// When it was decided.
    pub time: Timestamp,
    /// Who caused it.
    pub actor: &'a Actor,
    /// The command.
    pub command: Option<&'a CommandId>,
    /// What caused it.
    pub cause: Cause,
}

/// Why an event cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The event is too large or breaks the format.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Its withheld members cannot be encrypted.
    #[error(transparent)]
    Disclosure(#[from] DisclosureError),
}

/// Makes an event: canonical header, salted digests, signature, hashes, encrypted disclosures.
///
/// # Errors
/// [`SealError`]
pub fn seal(
    _event_type: &'static str,
    _body: &EventBody,
    _ctx: &SealContext<'_>,
    _signer: &dyn Signer,
    _keys: &dyn DataKeys,
    _entropy: &dyn Entropy,
) -> Result<SealedEvent, SealError> {
    Err(SealError::Event(EventError::UnknownMember))
}

/// The log entry: JCS of the DSSE envelope.
pub fn entry_bytes(_header: &[u8], _signature: &[u8; 64], _kid: Kid) -> Vec<u8> {
    Vec::new()
}

/// An entry, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The header's bytes, not yet parsed.
    pub header: Vec<u8>,
    /// The signature, not yet verified.
    pub signature: [u8; 64],
    /// The key id that the envelope names.
    pub kid: Kid,
}

/// Reads an entry: the exact inverse of [`entry_bytes`], anything else is refused.
///
/// # Errors
/// [`EventError`] names what differs.
pub fn parse_entry(_entry: &[u8]) -> Result<Entry, EventError> {
    Err(EventError::Entry("skeleton"))
}

impl EventHash {
    /// The hash of the event whose signed bytes are `header`.
    pub fn of(header: &[u8]) -> Self {
        Self(crate::dsse::pae_hash(crate::dsse::PAYLOAD_TYPE, header))
    }
}

impl fmt::Display for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::Engine;
        f.write_str(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
