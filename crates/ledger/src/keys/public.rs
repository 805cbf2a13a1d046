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
///
/// Encoding the point again and comparing would say the same, but costs an inversion: as much as decoding itself.
pub(super) fn decompress_canonical(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    if !is_reduced(bytes) || is_negative_zero(bytes) {
        return None;
    }
    CompressedEdwardsY(*bytes).decompress()
}

/// Is y, the low 255 bits, below p = 2^255 - 19?
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

/// Does the sign bit stand on x = 0? That is so for y = 1 and y = p - 1 alone.
fn is_negative_zero(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let one = (*low, *high) == (1, 0x80) && middle.iter().all(|byte| *byte == 0);
    let minus_one = (*low, *high) == (0xec, 0xff) && middle.iter().all(|byte| *byte == 0xff);
    one || minus_one
}

#[cfg(test)]
impl PublicKey {
    /// A key that was never registered: so that the equation alone can be tested.
    pub(super) fn unregistered(bytes: &[u8; 32]) -> Option<Self> {
        decompress_canonical(bytes).map(|point| Self { bytes: *bytes, point, kid: Kid::of(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What [`decompress_canonical`] must agree with.
    fn by_encoding_again(bytes: &[u8; 32]) -> Option<[u8; 32]> {
        let point = CompressedEdwardsY(*bytes).decompress()?;
        (point.compress().as_bytes() == bytes).then_some(*bytes)
    }

    fn agrees(bytes: &[u8; 32]) {
        let ours = decompress_canonical(bytes).map(|point| point.compress().to_bytes());
        assert_eq!(ours, by_encoding_again(bytes), "{bytes:02x?}");
    }

    #[test]
    fn the_edges_of_the_field_are_judged_as_by_encoding_again() {
        for low in 0..=255 {
            for (middle, high) in [(0, 0), (0, 0x80), (0xff, 0x7f), (0xff, 0xff), (0xff, 0x7e), (0, 0x7f)] {
                let mut bytes = [middle; 32];
                (bytes[0], bytes[31]) = (low, high);
                agrees(&bytes);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_as_by_encoding_again(bytes in any::<[u8; 32]>()) {
            agrees(&bytes);
        }
    }
}
