//! Verification: one by one, strict, and folded by key over a batch.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};

use super::PublicKey;
use super::public::decompress_canonical;

mod batch;

pub use batch::BatchVerifier;

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// R is not the canonical encoding of a point.
    #[error("R of the signature is not the canonical encoding of a point")]
    R,
    /// R is a point of small order.
    #[error("R of the signature is a point of small order")]
    SmallOrderR,
    /// S is not reduced: another signature would be as good.
    #[error("S of the signature is not canonical")]
    S,
    /// The equation does not hold: other bytes, another key or a forgery.
    #[error("the signature does not match the message and the key")]
    Mismatch,
}

/// A signature taken apart, its parts checked.
struct Parts {
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
}

fn take_apart(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<Parts, SignatureError> {
    let (r_bytes, s_bytes) = split(signature);
    let s = Option::from(Scalar::from_canonical_bytes(s_bytes)).ok_or(SignatureError::S)?;
    let r = decompress_canonical(&r_bytes).ok_or(SignatureError::R)?;
    if r.is_small_order() {
        return Err(SignatureError::SmallOrderR);
    }
    Ok(Parts { r, s, k: challenge(key, message, &r_bytes) })
}

fn split(signature: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut r, mut s) = ([0; 32], [0; 32]);
    r.copy_from_slice(&signature[..32]);
    s.copy_from_slice(&signature[32..]);
    (r, s)
}

/// `k = SHA-512(R ‖ A ‖ M) mod L` (RFC 8032 §5.1.7).
fn challenge(key: &PublicKey, message: &[u8], r: &[u8; 32]) -> Scalar {
    let wide: [u8; 64] =
        Sha512::new().chain_update(r).chain_update(key.as_bytes()).chain_update(message).finalize().into();
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// `S·B - k·A - R`: the identity for a signature of the key, of small order if the cofactored equation holds.
fn residue(key: &PublicKey, parts: &Parts) -> EdwardsPoint {
    let expected = EdwardsPoint::vartime_double_scalar_mul_basepoint(&parts.k, &-key.point(), &parts.s);
    expected - parts.r
}

/// Verifies one signature by the rule of this module.
///
/// # Errors
/// [`SignatureError`] names the check that fails.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureError> {
    let parts = take_apart(key, message, signature)?;
    if residue(key, &parts).is_small_order() { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// Verifies one signature without the cofactor: refuses a torsion component in R too.
///
/// # Errors
/// [`SignatureError`] names the check that fails.
pub fn verify_strict(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Result<(), SignatureError> {
    let parts = take_apart(key, message, signature)?;
    if residue(key, &parts).is_identity() { Ok(()) } else { Err(SignatureError::Mismatch) }
}
