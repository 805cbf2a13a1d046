//! Signing notes.

use std::sync::Arc;

use super::{KeyError, KeyKind, NoteSignature, VerifierKey};
use crate::keys::{Signer, SoftSigner};

/// Signs notes under a name: a log's checkpoint key.
pub struct NoteSigner {
    vkey: VerifierKey,
    key: Arc<dyn Signer>,
}

impl NoteSigner {
    /// The signer of a raw Ed25519 seed, with type 0x01.
    ///
    /// # Errors
    /// [`KeyError::Name`] if the name may not be a key's.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        Self::new(name, Arc::new(SoftSigner::from_seed(seed)))
    }

    /// A signer under this name, with type 0x01.
    ///
    /// # Errors
    /// [`KeyError::Name`] if the name may not be a key's.
    pub fn new(name: &str, key: Arc<dyn Signer>) -> Result<Self, KeyError> {
        let vkey = VerifierKey::new(name, KeyKind::Ed25519, *key.public_key().as_bytes())?;
        Ok(Self { vkey, key })
    }

    /// The key that verifies what this signs.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.vkey
    }

    /// Signs a note's text.
    pub fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature {
            name: self.vkey.name().to_owned(),
            key_id: self.vkey.key_id(),
            signature: self.sign_bytes(text.as_bytes()).to_vec(),
        }
    }

    /// Ed25519 over exactly these bytes, for what is signed by the checkpoint key but is no note: the manifest.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message)
    }
}

impl std::fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NoteSigner").field(&self.vkey).finish()
    }
}
