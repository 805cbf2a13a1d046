//! What happens to the event-signing keys of a log. The first is entry 0 of the log.

use crate::events;
use crate::schema::Confidential;
use crate::values::{HashText, KeyIdText, OriginName, PublicKeyText, RevokeReason, SignatureText};

events! {
    /// What happened to the keys of a log.
    "key" KeyEvent {
        /// The log begins, and this is its key.
        Genesis(KeyGenesis) = "ledger.key.genesis.v1" {
            /// The origin of the log.
            origin: OriginName,
            /// The id of the key that signs from here on.
            kid: KeyIdText,
            /// That key.
            public_key: PublicKeyText,
            /// For a successor log: the origin that it continues.
            predecessor_origin: Option<OriginName>,
            /// For a successor log: the size of the last known checkpoint, in decimal.
            predecessor_size: Option<LogSize>,
            /// For a successor log: the root of the last known checkpoint.
            predecessor_root: Option<HashText>,
        }
        /// Another key signs after this event, which the old one still signs.
        Rotated(KeyRotated) = "ledger.key.rotated.v1" {
            /// The id of the key that signed until here.
            old_kid: KeyIdText,
            /// The id of the key that signs from here on.
            kid: KeyIdText,
            /// That key.
            public_key: PublicKeyText,
            /// The new key's signature over origin, old key id and new key: it is held by whoever rotates.
            possession: SignatureText,
        }
        /// A key is never accepted again. Entries that it signed before stay valid.
        Revoked(KeyRevoked) = "ledger.key.revoked.v1" {
            /// The id of the revoked key.
            kid: KeyIdText,
            /// Why.
            reason: RevokeReason,
        }
        /// A range of entries is in doubt and to be reported so.
        Disputed(KeyDisputed) = "ledger.key.disputed.v1" {
            /// The id of the key in doubt.
            kid: KeyIdText,
            /// The first entry in doubt.
            from_index: LogSize,
            /// The last entry in doubt.
            to_index: LogSize,
            /// What is known.
            detail: Confidential<String>,
        }
    }
}

/// A size or index of a log, in decimal text: 64 bits do not fit a JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogSize(pub u64);

impl crate::schema::Public for LogSize {
    const KIND: crate::schema::Kind = crate::schema::Kind::Id { rule: "a 64-bit number in decimal" };

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::String(self.0.to_string())
    }

    fn from_json(value: &serde_json::Value) -> Result<Self, String> {
        let number =
            value.as_str().and_then(|text| text.parse::<u64>().ok().filter(|n| n.to_string() == text));
        number.map(Self).ok_or_else(|| crate::schema::expected("a 64-bit number as decimal text", value))
    }
}
