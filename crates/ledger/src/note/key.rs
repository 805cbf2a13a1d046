//! Verifier keys ("vkeys"): who may sign a note, and how.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::b64;
use crate::keys::{PublicKey, verify_strict};

/// What a key's signatures look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// 0x01: Ed25519 over the text.
    Ed25519,
    /// 0x04: a witness's timestamped cosignature (tlog-cosignature, "cosignature/v1").
    Cosignature,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// Why a text is not a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `name+hash+key`.
    #[error("a verifier key is written name+hash+key")]
    Malformed,
    /// A name that is empty or has a space, a plus or a control character.
    #[error("a key name must not be empty nor have spaces, plus signs or control characters")]
    Name,
    /// The hash does not belong to name and key: a typing mistake, or another name.
    #[error("the key's hash does not fit its name and key")]
    KeyId,
    /// A kind of signature that this ledger does not verify.
    #[error("keys of type {0:#04x} are not supported; 0x01 and 0x04 are")]
    Kind(u8),
    /// Not an Ed25519 public key that can be trusted.
    #[error(transparent)]
    PublicKey(#[from] crate::keys::KeyError),
}

/// A key that signatures are checked with: `name+hex8(key id)+base64(type ‖ public key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    key: PublicKey,
}

/// May this be the name of a key?
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

pub(super) fn hex4(bytes: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(bytes))
}

impl VerifierKey {
    /// The key of this name and kind.
    ///
    /// # Errors
    /// [`KeyError`] if the name is not one or the public key is refused.
    pub fn new(name: &str, kind: KeyKind, public_key: [u8; 32]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let key = PublicKey::from_bytes(&public_key)?;
        Ok(Self { name: name.to_owned(), kind, key })
    }

    /// The name: for a log its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures look like.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    pub fn key_id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.kind.byte()])
            .chain_update(self.key.as_bytes())
            .finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Does this signature, as it stands behind the key id, fit the text?
    pub fn verify(&self, text: &str, signature: &[u8]) -> bool {
        match self.kind {
            KeyKind::Ed25519 => {
                signature.try_into().is_ok_and(|signature| self.verify_bytes(text.as_bytes(), signature))
            }
            KeyKind::Cosignature => crate::cosignature::time_of(self, text, signature).is_some(),
        }
    }

    /// Ed25519 over exactly these bytes, strictly: no small order, no cofactor.
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        verify_strict(&self.key, message, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [[self.kind.byte()].as_slice(), self.key.as_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, hex4(self.key_id()), b64::encode(key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        // The base64 part may have plus signs of its own; name and hash have none.
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(key_id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        let bytes = b64::decode(key).map_err(|_| KeyError::Malformed)?;
        let (kind, public_key) = bytes.split_first().ok_or(KeyError::Malformed)?;
        let kind = match kind {
            0x01 => KeyKind::Ed25519,
            0x04 => KeyKind::Cosignature,
            other => return Err(KeyError::Kind(*other)),
        };
        let key = Self::new(name, kind, public_key.try_into().map_err(|_| KeyError::Malformed)?)?;
        if hex4(key.key_id()) == key_id { Ok(key) } else { Err(KeyError::KeyId) }
    }
}
