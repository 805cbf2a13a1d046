//! Public keys and the checks that they pass when they are registered.

use std::fmt;

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};

use super::{KeyError, Kid};

/// An Ed25519 public key fit to be registered: canonical, not of small order, free of torsion.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
    point: EdwardsPoint,
    kid: Kid,
}

impl PublicKey {
    /// Registers a key.
    ///
    /// # Errors
    /// [`KeyError`] names the check that fails.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let point = decompress_canonical(bytes).ok_or(KeyError::NotCanonical)?;
        if point.is_small_order() {
            return Err(KeyError::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::Torsion);
        }
        Ok(Self { bytes: *bytes, point, kid: Kid::of(bytes) })
    }

    /// The 32 bytes of RFC 8032 §5.1.5.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The key's id.
    pub const fn kid(&self) -> Kid {
        self.kid
    }

    pub(super) const fn point(&self) -> &EdwardsPoint {
        &self.point
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kid)
    }
}

/// The point of `bytes` if they are its only encoding: RFC 8032 §5.1.3 refuses y ≥ p and -0, dalek does not.
pub(super) fn decompress_canonical(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (point.compress().as_bytes() == bytes).then_some(point)
}

#[cfg(test)]
impl PublicKey {
    /// A key that was never registered: so that the equation alone can be tested.
    pub(super) fn unregistered(bytes: &[u8; 32]) -> Option<Self> {
        decompress_canonical(bytes).map(|point| Self { bytes: *bytes, point, kid: Kid::of(bytes) })
    }
}
