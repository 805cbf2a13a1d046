//! Identifiers, each a type of its own so that one cannot stand for another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::{Clock, Entropy};

/// An identifier that breaks the rules of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} is not valid: {rule}")]
pub struct IdError {
    /// Which kind of identifier was read.
    pub kind: &'static str,
    /// What was given, cut to 80 characters.
    pub value: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

fn check(
    kind: &'static str,
    value: &str,
    max: usize,
    rule: &'static str,
    allowed: fn(u8) -> bool,
) -> Result<(), IdError> {
    let fits = !value.is_empty() && value.len() <= max && value.bytes().all(allowed);
    if fits { Ok(()) } else { Err(IdError { kind, value: value.chars().take(80).collect(), rule }) }
}

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $rule:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an identifier, checking its length and characters.
            ///
            /// # Errors
            /// [`IdError`] names the rule that is broken.
            pub fn new(value: impl AsRef<str>) -> Result<Self, IdError> {
                let value = value.as_ref();
                check($kind, value, $max, $rule, $allowed)?;
                Ok(Self(value.into()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(value: String) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

const fn lower_id(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
}

const fn visible(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

string_id!(
    /// An opaque tenant id (never a name): `system`, or a UUIDv7 in lower case.
    TenantId, "tenant id", 64, "1 to 64 of a-z, 0-9, '-', '_' and '.'", lower_id
);
string_id!(
    /// An aggregate's stream: `<category>-<id>`, for example `evidence-0190…`.
    StreamId, "stream id", 160, "1 to 160 of a-z, 0-9, '-', '_' and '.'", lower_id
);
string_id!(
    /// The id of a command: an Idempotency-Key, a probe's evidence id, a vendor's delivery id.
    CommandId, "command id", 160, "1 to 160 visible ASCII characters", visible
);
string_id!(
    /// A data subject whose personal members share one key, so that they can be erased together.
    SubjectId, "subject id", 100, "1 to 100 of a-z, 0-9, '-', '_' and '.'", lower_id
);

impl TenantId {
    /// The operator's own log.
    pub const SYSTEM: &'static str = "system";

    /// The tenant of the operator's own log.
    pub fn system() -> Self {
        Self(Self::SYSTEM.into())
    }

    /// Is this the operator's own log?
    pub fn is_system(&self) -> bool {
        &*self.0 == Self::SYSTEM
    }

    /// A new tenant id: a UUIDv7, opaque on purpose.
    pub fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        Self(uuid_v7(clock, entropy).hyphenated().to_string().into())
    }
}

impl StreamId {
    /// The stream of one aggregate: `<category>-<id>`.
    ///
    /// # Errors
    /// [`IdError`] if `id` has characters that a stream id must not have.
    pub fn of(category: &str, id: impl fmt::Display) -> Result<Self, IdError> {
        Self::new(format!("{category}-{id}"))
    }

    /// The part before the first `-`.
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(category, _)| category)
    }

    /// The part after the first `-`.
    pub fn id(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, id)| id)
    }
}

/// The id of one event: a UUIDv7.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    /// A new event id.
    pub fn generate(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
        Self(uuid_v7(clock, entropy))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A UUIDv7 (RFC 9562 §5.7) from the given clock and entropy.
pub fn uuid_v7(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(clock.now().micros() / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// An opaque id: a user's, a credential's, a connector's. Never a name.
    pub id: CommandId,
    /// What kind of actor it is.
    pub kind: ActorKind,
}

impl Actor {
    /// The ledger itself: schedulers, reactors, bootstrap.
    pub fn system(part: &str) -> Self {
        Self { id: CommandId(part.into()), kind: ActorKind::System }
    }
}

/// What kind of actor caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// A person.
    User,
    /// A program with an API key.
    ApiKey,
    /// A probe that collects evidence.
    Probe,
    /// An adapter of an external system.
    Connector,
    /// The ledger itself.
    System,
}

impl ActorKind {
    /// The name that stands in the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiKey => "api-key",
            Self::Probe => "probe",
            Self::Connector => "connector",
            Self::System => "system",
        }
    }
}
