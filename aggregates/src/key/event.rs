//! What happens to the event-signing keys of a log, in the bytes that `ledger::epochs` folds.
//! The first is entry 0 of the log.

use crate::values::{DisputeReason, HashBase64, KeyIdText, OriginName, PublicKeyText, RevokedKeyReason};
use crate::values::{SignatureText, VkeyText};
use crate::{events, public_object};

events! {
    /// What happened to the keys of a log.
    "key" KeyEvent {
        /// The log begins, and this is its key.
        Genesis(KeyGenesis) = "ledger.key.genesis.v1" {
            /// The origin of the log: `<ledger name>/<tenant id>`.
            origin: OriginName,
            /// The key that signs from here on.
            key: PublicKeyText,
            /// Its id.
            kid: KeyIdText,
            /// The verifier key of the log's checkpoints.
            checkpoint_vkey: VkeyText,
            /// The log that this one succeeds after a loss.
            predecessor: Option<Predecessor>,
        }
        /// Another key signs after this event, which the old one still signs.
        Rotated(KeyRotated) = "ledger.key.rotated.v1" {
            /// The id of the key that signed until here.
            old_kid: KeyIdText,
            /// The key that signs from here on.
            key: PublicKeyText,
            /// Its id.
            kid: KeyIdText,
            /// The new key's signature over origin, old key id and new key: it is held by whoever rotates.
            proof: SignatureText,
        }
        /// A key is never accepted again. Entries that it signed before stay valid.
        Revoked(KeyRevoked) = "ledger.key.revoked.v1" {
            /// The id of the revoked key.
            kid: KeyIdText,
            /// Why.
            reason: RevokedKeyReason,
        }
        /// A range of entries is in doubt and to be reported so.
        Disputed(KeyDisputed) = "ledger.key.disputed.v1" {
            /// The id of the key in doubt.
            kid: KeyIdText,
            /// The first entry in doubt.
            from_index: u64,
            /// The last entry in doubt.
            to_index: u64,
            /// Why.
            reason: DisputeReason,
        }
    }
}

public_object! {
    /// The last known checkpoint of a log that was lost.
    Predecessor {
        /// Its origin.
        origin: OriginName,
        /// Its last known size.
        size: u64,
        /// Its last known root.
        root: HashBase64,
    }
}
