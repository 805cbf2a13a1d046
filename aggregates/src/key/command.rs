//! What may be asked of the keys of a log.

use super::Predecessor;
use crate::values::{
    DisputeReason, KeyIdText, OriginName, PublicKeyText, RevokedKeyReason, SignatureText, VkeyText,
};

/// What may be asked of the keys of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyCommand {
    /// Begin the log.
    Begin {
        /// Its origin.
        origin: OriginName,
        /// Its first key.
        key: PublicKeyText,
        /// The key's id.
        kid: KeyIdText,
        /// The verifier key of its checkpoints.
        checkpoint_vkey: VkeyText,
        /// The log that it succeeds after a loss.
        predecessor: Option<Predecessor>,
    },
    /// Sign with another key from here on.
    Rotate {
        /// The key that signs until here.
        old_kid: KeyIdText,
        /// The new key.
        key: PublicKeyText,
        /// Its id.
        kid: KeyIdText,
        /// The new key's signature over origin, old key id and new key.
        proof: SignatureText,
    },
    /// Never accept a key again.
    Revoke {
        /// The key.
        kid: KeyIdText,
        /// Why.
        reason: RevokedKeyReason,
    },
    /// Mark entries as doubtful.
    Dispute {
        /// The key in doubt.
        kid: KeyIdText,
        /// The first entry.
        from_index: u64,
        /// The last entry.
        to_index: u64,
        /// The size of the log now: what is not in it yet cannot be in doubt.
        log_size: u64,
        /// Why.
        reason: DisputeReason,
    },
}
