//! The seam behind which a faster or a remote signer sits.

use std::fmt;

use super::{Kid, PublicKey};

/// Signs with one Ed25519 key.
///
/// RFC 8032 signatures are deterministic, so that two signers of one key give the same bytes.
pub trait Signer: Send + Sync {
    /// The key under which the signatures verify.
    fn public_key(&self) -> PublicKey;

    /// The key's id.
    fn kid(&self) -> Kid {
        self.public_key().kid()
    }

    /// Signs `message` (pure Ed25519, RFC 8032 §5.1.6).
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// A key in memory.
pub struct SoftSigner {
    public: PublicKey,
    #[cfg(not(feature = "fast-signer"))]
    key: ed25519_dalek::SigningKey,
    #[cfg(feature = "fast-signer")]
    key: aws_lc_rs::signature::Ed25519KeyPair,
}

impl SoftSigner {
    /// The key of a raw 32-byte seed (RFC 8032 §5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let reference = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = PublicKey::from_bytes(reference.verifying_key().as_bytes())
            .expect("a key derived from a seed is a multiple of the base point");
        #[cfg(not(feature = "fast-signer"))]
        return Self { public, key: reference };
        #[cfg(feature = "fast-signer")]
        return Self {
            public,
            key: aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(seed)
                .expect("any 32 bytes are an Ed25519 seed"),
        };
    }
}

impl Signer for SoftSigner {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn kid(&self) -> Kid {
        self.public.kid()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        #[cfg(not(feature = "fast-signer"))]
        return ed25519_dalek::Signer::sign(&self.key, message).to_bytes();
        #[cfg(feature = "fast-signer")]
        return self.key.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes");
    }
}

impl fmt::Debug for SoftSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftSigner({})", self.public.kid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Under the feature `fast-signer` this holds aws-lc-rs against ed25519-dalek.
    #[test]
    fn signatures_equal_those_of_the_reference_byte_for_byte() {
        for n in 0..64_u8 {
            let seed = [n.wrapping_mul(37); 32];
            let message = vec![n; usize::from(n) * 17];
            let reference = ed25519_dalek::SigningKey::from_bytes(&seed);
            let expected = ed25519_dalek::Signer::sign(&reference, &message).to_bytes();
            let signer = SoftSigner::from_seed(&seed);
            assert_eq!(signer.sign(&message), expected);
            assert_eq!(signer.public_key().as_bytes(), reference.verifying_key().as_bytes());
        }
    }
}
