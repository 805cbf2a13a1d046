//! Identifiers of the domain: bounded texts from closed alphabets, and UUIDs.

use std::fmt;
use std::str::FromStr;

use ledger::ids::{Actor, IdError, StreamId};
use uuid::Uuid;

use crate::schema::{Kind, Public, expected};
use crate::tokens;

pub(super) const fn lower_id(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
}

pub(super) const fn lower_hyphen(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

const fn lower_path(byte: u8) -> bool {
    lower_id(byte) || byte == b'/'
}

const fn lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')
}

const fn version(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+')
}

const fn visible(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

tokens! {
    /// What was checked, for example `linux-host/sshd-permit-root-login`.
    CheckId(Id, "check", 1..=120, "1 to 120 of a-z, 0-9, '.', '_', '/' and '-'", lower_path)
    /// A probe: opaque, chosen by whoever registers it.
    ProbeId(Id, "probe id", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// What a probe looks at, for example `linux-host`.
    ProbeKind(Id, "probe kind", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// The thing that was looked at, as an opaque reference; its name is confidential.
    TargetRef(Id, "target_ref", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// Who says what a control is like: a probe, or an actor where no probe is named.
    SourceId(Id, "source", 1..=176, "1 to 176 visible ASCII characters", visible)
    /// An API key's public part: 16 lower-case hexadecimal digits.
    CredentialId(Id, "credential id", 16..=16, "16 of 0-9 and a-f", lower_hex)
    /// An integration: opaque, chosen by whoever registers it.
    IntegrationId(Id, "integration id", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// Which adapter an integration uses, for example `jira`.
    IntegrationKind(Id, "integration kind", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// Where a tenant's data lives.
    Region(Id, "region", 1..=32, "1 to 32 of a-z, 0-9 and '-'", lower_hyphen)
    /// A version of a catalogue or a program.
    Version(Id, "version", 1..=64, "1 to 64 of A-Z, a-z, 0-9, '.', '_', '+' and '-'", version)
    /// A route: opaque, chosen by whoever sets it.
    RouteId(Id, "route id", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// The name of a secret of a connection.
    SecretName(Id, "secret name", 1..=120, "1 to 120 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// A neutral field of a ticket, for example `title`.
    FieldName(Id, "field name", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
    /// The HMAC-SHA-256 of a confidential value under a key of the tenant: equal values are seen to be equal, and
    /// nothing else. Never a plain digest, which would let small values be guessed.
    ValueMac(Id, "value mac", 64..=64, "64 of 0-9 and a-f", lower_hex)
    /// The origin of a log: `<ledger name>/<tenant id>`, with `/e2` and so on for a successor.
    OriginName(Id, "log origin", 1..=255, "1 to 255 visible ASCII characters", visible)
}

impl SourceId {
    /// The source that a probe is.
    pub fn probe(probe: &ProbeId) -> Self {
        Self(format!("probe:{probe}").into())
    }

    /// The source that an actor is, where no probe is named. Kind and id, so that a user cannot pass for a probe.
    pub fn actor(actor: &Actor) -> Self {
        Self(format!("{}:{}", actor.kind.as_str(), actor.id).into())
    }
}

impl TargetRef {
    /// The reference that is meant when none is given.
    pub fn default_ref() -> Self {
        Self::new("default").expect("the default reference follows the rule")
    }
}

/// The title of a catalogue's control: one line of at most 200 characters, neither URL nor e-mail address.
///
/// Titles of published catalogues are public; whoever imports an own catalogue keeps what is confidential in its prose.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublishedTitle(String);

impl PublishedTitle {
    /// What it must look like.
    pub const RULE: &'static str = "1 to 200 characters on one line, neither a URL nor an e-mail address";

    /// Reads a title.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let length = text.chars().count();
        let plain = !text.chars().any(hidden) && !text.contains("://") && !text.contains('@');
        if (1..=200).contains(&length) && plain {
            return Ok(Self(text));
        }
        Err(IdError { kind: "title", value: text.chars().take(80).collect(), rule: Self::RULE })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublishedTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Public for PublishedTitle {
    const KIND: Kind = Kind::Title;

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::String(self.0.clone())
    }

    fn from_json(value: &serde_json::Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| expected("a title", value))?;
        Self::new(text).map_err(|error| error.to_string())
    }
}

/// Control characters, and those that turn the direction of writing and so let a title look like another one.
fn hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $category:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The stream of this aggregate.
            pub fn stream(&self) -> StreamId {
                StreamId::of($category, self).expect("a UUID fits a stream id")
            }

            /// The aggregate whose stream this is, if it is one of this kind.
            pub fn from_stream(stream: &StreamId) -> Option<Self> {
                (stream.category() == $category).then(|| stream.id().parse().ok()).flatten()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Reads the hyphenated lower-case spelling only: another spelling would be another stream.
            fn from_str(text: &str) -> Result<Self, IdError> {
                let rule = "a UUID in lower case, 8-4-4-4-12";
                let error = || IdError { kind: $what, value: text.chars().take(80).collect(), rule };
                let id = Self(Uuid::try_parse(text).map_err(|_| error())?);
                if id.to_string() == text { Ok(id) } else { Err(error()) }
            }
        }

        impl Public for $name {
            const KIND: Kind = Kind::Id { rule: "UUID" };

            fn to_json(&self) -> serde_json::Value {
                serde_json::Value::String(self.to_string())
            }

            fn from_json(value: &serde_json::Value) -> Result<Self, String> {
                value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| expected("a UUID", value))
            }
        }

        impl ledger::readmodel::CellType for $name {
            fn to_cell(&self) -> ledger::readmodel::Cell {
                ledger::readmodel::Cell::Uuid(self.0)
            }
            fn from_cell(cell: &ledger::readmodel::Cell) -> Option<Self> {
                match cell {
                    ledger::readmodel::Cell::Uuid(uuid) => Some(Self(*uuid)),
                    _ => None,
                }
            }
        }
    };
}

uuid_id!(
    /// One piece of evidence; also its idempotency key.
    EvidenceId, "evidence id", "evidence"
);
uuid_id!(
    /// One alert: a UUIDv5 of what it is about, so that the same alarm is raised once.
    AlertId, "alert id", "alert"
);
uuid_id!(
    /// One export of a log.
    ExportId, "export id", "export"
);

uuid_id!(
    /// One task.
    TaskId, "task id", "task"
);
uuid_id!(
    /// One ticket: a UUIDv5 of its task and its integration. It is also the obligation key at the vendor.
    TicketId, "ticket id", "ticket"
);
uuid_id!(
    /// One thing to be brought about in another system: a UUIDv5 of what asks for it, so that it is done once.
    IntentId, "intent id", "intent"
);
uuid_id!(
    /// One request to another system, with its answer.
    ExchangeId, "exchange id", "exchange"
);
uuid_id!(
    /// One run of an integration.
    RunId, "run id", "run"
);

macro_rules! stream_of {
    ($($name:ident, $category:literal;)+) => {$(
        impl $name {
            /// The stream of this aggregate.
            pub fn stream(&self) -> StreamId {
                StreamId::of($category, self.as_str()).expect("the id fits a stream id")
            }

            /// The aggregate whose stream this is, if it is one of this kind.
            pub fn from_stream(stream: &StreamId) -> Option<Self> {
                (stream.category() == $category).then(|| Self::new(stream.id()).ok()).flatten()
            }
        }
    )+};
}

stream_of! {
    ProbeId, "probe";
    CredentialId, "credential";
    IntegrationId, "integration";
    RouteId, "route";
    SecretName, "secret";
}
