//! Wraps secrets at rest: data keys and signing seeds, under a key-encryption key (formats.md §3, §6).

/// A wrapped secret that does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Wrapped under another key-encryption key.
    #[error("the secret is wrapped under key-encryption key {wrapped}, this is {given}")]
    OtherKek {
        /// The id in the wrapped secret.
        wrapped: String,
        /// The id of the key that was tried.
        given: String,
    },
    /// Not the bytes of a wrapped secret, changed, or wrapped for another purpose.
    #[error("the wrapped secret is damaged or belongs to another purpose")]
    Damaged,
}

/// A key-encryption key.
pub struct Kek {
    key: [u8; 32],
}

impl Kek {
    /// A key of 32 bytes, from a file, the environment or a KMS.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// An id that says which key it is and nothing else about it: 8 bytes of a hash.
    pub fn id(&self) -> [u8; 8] {
        let _ = self.key;
        [0; 8]
    }

    /// Wraps a secret for one purpose (`aad`: what it is and whose).
    pub fn wrap(&self, _aad: &[u8], _secret: &[u8], _entropy: &dyn crate::clock::Entropy) -> Vec<u8> {
        Vec::new()
    }

    /// Opens a wrapped secret.
    ///
    /// # Errors
    /// [`SecretError`]
    pub fn unwrap(&self, _aad: &[u8], _wrapped: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, SecretError> {
        Err(SecretError::Damaged)
    }
}
