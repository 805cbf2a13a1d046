//! Wraps secrets at rest: data keys and signing seeds, under a key-encryption key (formats.md §3, §6).
//!
//! Wrapped = version ‖ key id ‖ nonce ‖ AES-256-GCM-SIV ciphertext. The associated data says what the secret is
//! and whose, so that a wrapped secret put in another's place does not open.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::clock::Entropy;
use crate::disclosure::DataKey;

const VERSION: u8 = 1;
const ID_LEN: usize = 8;

/// A wrapped secret that does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Wrapped under another key-encryption key.
    #[error("the secret is wrapped under key-encryption key {wrapped}, the one given is {given}")]
    OtherKek {
        /// The id in the wrapped secret.
        wrapped: KekId,
        /// The id of the key that was tried.
        given: KekId,
    },
    /// Not the bytes of a wrapped secret, changed, or wrapped for another purpose.
    #[error("the wrapped secret is damaged or belongs to another purpose")]
    Damaged,
}

/// Says which key-encryption key it is and nothing else about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KekId(pub [u8; ID_LEN]);

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key-encryption key, from a file, the environment or a KMS.
pub struct Kek {
    cipher: DataKey,
    id: KekId,
}

impl Kek {
    /// A key of 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        let hash: [u8; 32] =
            Sha256::new().chain_update(b"ledger-kek-id/v1").chain_update(key).finalize().into();
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&hash[..ID_LEN]);
        Self { cipher: DataKey::new(key), id: KekId(id) }
    }

    /// Which key this is.
    pub const fn id(&self) -> KekId {
        self.id
    }

    /// Wraps a secret for one purpose (`aad`: what it is and whose).
    pub fn wrap(&self, aad: &[u8], secret: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let sealed = self.cipher.seal(&self.bound(aad), secret, entropy);
        [&[VERSION][..], &self.id.0, &sealed].concat()
    }

    /// Opens a wrapped secret.
    ///
    /// # Errors
    /// [`SecretError`]
    pub fn unwrap(&self, aad: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let id = kek_of(wrapped).ok_or(SecretError::Damaged)?;
        if id != self.id {
            return Err(SecretError::OtherKek { wrapped: id, given: self.id });
        }
        self.cipher.open(&self.bound(aad), &wrapped[1 + ID_LEN..]).map_err(|_| SecretError::Damaged)
    }

    fn bound(&self, aad: &[u8]) -> Vec<u8> {
        [b"ledger-secret/v1", &self.id.0[..], aad].concat()
    }
}

/// The key under which a secret is wrapped; `None`: not a wrapped secret.
pub fn kek_of(wrapped: &[u8]) -> Option<KekId> {
    let rest = wrapped.strip_prefix(&[VERSION])?;
    rest.first_chunk::<ID_LEN>().map(|id| KekId(*id))
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kek({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    #[test]
    fn a_secret_opens_for_its_key_and_purpose_alone() {
        let (kek, other) = (Kek::new(&[1; 32]), Kek::new(&[2; 32]));
        let wrapped = kek.wrap(b"seed/t1", b"secret", &SeededEntropy::new(1));
        assert_eq!(kek.unwrap(b"seed/t1", &wrapped).unwrap().as_slice(), b"secret");
        assert_eq!(kek.unwrap(b"seed/t2", &wrapped), Err(SecretError::Damaged));
        assert_eq!(
            other.unwrap(b"seed/t1", &wrapped),
            Err(SecretError::OtherKek { wrapped: kek.id(), given: other.id() })
        );
        assert!(!wrapped.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let kek = Kek::new(&[1; 32]);
        let wrapped = kek.wrap(b"aad", b"secret", &SeededEntropy::new(1));
        for bit in 0..wrapped.len() * 8 {
            let mut changed = wrapped.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(kek.unwrap(b"aad", &changed).is_err(), "bit {bit}");
        }
        for cut in 0..wrapped.len() {
            assert!(kek.unwrap(b"aad", &wrapped[..cut]).is_err(), "cut {cut}");
        }
    }
}
