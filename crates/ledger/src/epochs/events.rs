//! The data of the events of a key stream.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::EpochError;
use crate::b64;
use crate::keys::{Kid, Signer};

/// How the types of key events start.
pub const KEY_TYPES: &str = "ledger.key.";
/// Introduces a log's first key; entry 0 of every log.
pub const GENESIS: &str = "ledger.key.genesis.v1";
/// Puts a new key in the place of the active one; signed by the old.
pub const ROTATED: &str = "ledger.key.rotated.v1";
/// Ends a key.
pub const REVOKED: &str = "ledger.key.revoked.v1";
/// Marks a range as doubtful.
pub const DISPUTED: &str = "ledger.key.disputed.v1";

/// Data of [`GENESIS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// `<ledger name>/<tenant id>`.
    pub origin: String,
    /// The public key, base64.
    pub key: String,
    /// Its id.
    pub kid: Kid,
    /// The verifier key of the log's checkpoints.
    pub checkpoint_vkey: String,
    /// The log that this one succeeds after a loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<Predecessor>,
}

/// The last known checkpoint of a log that was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predecessor {
    /// Its origin.
    pub origin: String,
    /// Its last known size.
    pub size: u64,
    /// Its last known root, base64.
    pub root: String,
}

/// Data of [`ROTATED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// The key that was active and signs this event.
    pub old_kid: Kid,
    /// The new public key, base64.
    pub key: String,
    /// Its id.
    pub kid: Kid,
    /// The new key's signature over [`Rotated::statement`], base64: proof of possession.
    pub proof: String,
}

/// Data of [`REVOKED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// The key.
    pub kid: Kid,
    /// Why.
    pub reason: RevokeReason,
}

/// Why a key is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReason {
    /// Someone else may have it.
    Compromised,
    /// Nobody has it any more.
    Lost,
    /// It is no longer needed.
    Retired,
}

/// Data of [`DISPUTED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disputed {
    /// The key in doubt.
    pub kid: Kid,
    /// First index in doubt.
    pub from_index: u64,
    /// Last index in doubt.
    pub to_index: u64,
    /// Why.
    pub reason: DisputeReason,
}

/// Why a range is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeReason {
    /// The key was in other hands.
    Compromised,
    /// The clock was wrong.
    Clock,
    /// An operator's or a program's error.
    Error,
}

impl Rotated {
    /// What the new key signs: origin, old kid and new key, so that the proof fits no other rotation.
    pub fn statement(origin: &str, old_kid: Kid, key: &[u8; 32]) -> Vec<u8> {
        let mut out = b"ledger-key-rotation/v1\n".to_vec();
        out.extend_from_slice(origin.as_bytes());
        out.push(b'\n');
        out.extend_from_slice(&old_kid.0);
        out.extend_from_slice(key);
        out
    }

    /// The data of a rotation from `old_kid` to `new`.
    pub fn prove(origin: &str, old_kid: Kid, new: &dyn Signer) -> Self {
        let key = new.public_key();
        let proof = new.sign(&Self::statement(origin, old_kid, key.as_bytes()));
        Self { old_kid, key: b64::encode(key.as_bytes()), kid: key.kid(), proof: b64::encode(proof) }
    }
}

/// An event of a key stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyEvent {
    /// [`GENESIS`]
    Genesis(Genesis),
    /// [`ROTATED`]
    Rotated(Rotated),
    /// [`REVOKED`]
    Revoked(Revoked),
    /// [`DISPUTED`]
    Disputed(Disputed),
}

impl KeyEvent {
    /// Reads the data of an event whose type starts with [`KEY_TYPES`].
    ///
    /// # Errors
    /// [`EpochError::Data`] for an unknown type or data that does not fit.
    pub fn parse(event_type: &str, data: &[u8]) -> Result<Self, EpochError> {
        match event_type {
            GENESIS => read(data).map(Self::Genesis),
            ROTATED => read(data).map(Self::Rotated),
            REVOKED => read(data).map(Self::Revoked),
            DISPUTED => read(data).map(Self::Disputed),
            _ => Err(EpochError::Data(format!("unknown type {event_type}"))),
        }
    }

    /// The event's type.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Genesis(_) => GENESIS,
            Self::Rotated(_) => ROTATED,
            Self::Revoked(_) => REVOKED,
            Self::Disputed(_) => DISPUTED,
        }
    }

    /// The event's data: all of it is public.
    pub fn to_data(&self) -> Map<String, Value> {
        let value = match self {
            Self::Genesis(data) => serde_json::to_value(data),
            Self::Rotated(data) => serde_json::to_value(data),
            Self::Revoked(data) => serde_json::to_value(data),
            Self::Disputed(data) => serde_json::to_value(data),
        };
        match value {
            Ok(Value::Object(members)) => members,
            _ => unreachable!("a struct of strings and numbers is a JSON object"),
        }
    }
}

fn read<T: DeserializeOwned>(data: &[u8]) -> Result<T, EpochError> {
    serde_json::from_slice(data).map_err(|error| EpochError::Data(error.to_string()))
}
