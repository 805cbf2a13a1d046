//! Signing keys and the one rule by which a signature is valid (formats.md §2).
//!
//! Valid: A and R are canonical encodings of points that are not of small order, S is canonical, and the
//! cofactored equation `8·S·B = 8·R + 8·k·A` holds, so that single and batch verification agree.
//! A registered key is free of torsion besides. `verify_strict` leaves the cofactor out.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod public;
mod signer;
mod verify;

pub use public::PublicKey;
pub use signer::{Signer, SoftSigner};
pub use verify::{BatchVerifier, SignatureError, verify, verify_strict};

/// The id of a signing key: the first 16 bytes of SHA-256(public key), written in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kid(pub [u8; 16]);

/// A public key that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes, or not the spelling of 32 bytes.
    #[error("a public key is 32 bytes in base64")]
    Length,
    /// Not the canonical encoding of a point of the curve (RFC 8032 §5.1.3).
    #[error("the public key is not the canonical encoding of a point")]
    NotCanonical,
    /// A point of order 1, 2, 4 or 8: signatures under it say nothing.
    #[error("the public key is a point of small order")]
    SmallOrder,
    /// A point with a torsion component.
    #[error("the public key has a torsion component")]
    Torsion,
    /// A key id that is not 32 lower-case hex digits.
    #[error("a key id is 32 lower-case hex digits")]
    Kid,
}

impl Kid {
    /// The id of `public_key`.
    pub fn of(public_key: &[u8; 32]) -> Self {
        let hash: [u8; 32] = Sha256::digest(public_key).into();
        let mut kid = [0; 16];
        kid.copy_from_slice(&hash[..16]);
        Self(kid)
    }

    /// The 32 hex digits.
    pub fn to_hex(self) -> [u8; 32] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut out = [0; 32];
        for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        out
    }

    /// Reads 32 lower-case hex digits.
    ///
    /// # Errors
    /// [`KeyError::Kid`]
    pub fn from_hex(text: &[u8]) -> Result<Self, KeyError> {
        let text: &[u8; 32] = text.try_into().map_err(|_| KeyError::Kid)?;
        let mut kid = [0; 16];
        for (byte, pair) in kid.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(kid))
    }
}

const fn nibble(digit: u8) -> Result<u8, KeyError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(KeyError::Kid),
    }
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_hex()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Kid {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_hex(text.as_bytes())
    }
}

impl TryFrom<String> for Kid {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<Kid> for String {
    fn from(kid: Kid) -> Self {
        kid.to_string()
    }
}

#[cfg(test)]
mod tests;
