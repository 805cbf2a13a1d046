//! C2SP tlog-cosignature v1, and the bodies of the C2SP tlog-witness `add-checkpoint` call.

mod exchange;

use std::sync::Arc;

pub use exchange::{AddCheckpoint, ExchangeError, SIZE_CONTENT_TYPE, conflict_body, parse_conflict};

use crate::keys::{Signer, SoftSigner};
use crate::note::{KeyError, KeyKind, NoteSignature, VerifierKey};

/// Signs checkpoints as a witness: what is seen, and when.
pub struct Cosigner {
    vkey: VerifierKey,
    key: Arc<dyn Signer>,
}

impl Cosigner {
    /// The witness of a raw Ed25519 seed, with type 0x04.
    ///
    /// # Errors
    /// [`KeyError::Name`] if the name may not be a key's.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = Arc::new(SoftSigner::from_seed(seed));
        let vkey = VerifierKey::new(name, KeyKind::Cosignature, *key.public_key().as_bytes())?;
        Ok(Self { vkey, key })
    }

    /// The key that verifies what this signs.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.vkey
    }

    /// Cosigns a checkpoint's text at this Unix time. The caller has checked consistency first.
    pub fn cosign(&self, text: &str, unix: u64) -> NoteSignature {
        let signature = self.key.sign(message(text, unix).as_bytes());
        NoteSignature {
            name: self.vkey.name().to_owned(),
            key_id: self.vkey.key_id(),
            signature: [unix.to_be_bytes().as_slice(), &signature].concat(),
        }
    }
}

/// What a witness signs.
fn message(text: &str, unix: u64) -> String {
    format!("cosignature/v1\ntime {unix}\n{text}")
}

/// The Unix time at which `key` saw this checkpoint text, if the cosignature fits.
///
/// `signature` is what stands behind the key id: a big-endian `u64` and an Ed25519 signature.
pub fn time_of(key: &VerifierKey, text: &str, signature: &[u8]) -> Option<u64> {
    let (time, rest) = signature.split_first_chunk::<8>()?;
    let unix = u64::from_be_bytes(*time);
    let fits = key.kind() == KeyKind::Cosignature
        && key.verify_bytes(message(text, unix).as_bytes(), rest.try_into().ok()?);
    fits.then_some(unix)
}

#[cfg(test)]
mod tests;
