//! Many signatures at once: one multiscalar multiplication, the terms of equal keys folded into one.

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};

use super::{Parts, SignatureError, residue, take_apart};
use crate::clock::Entropy;
use crate::keys::PublicKey;

/// Collects signatures and checks them together, by the same rule as [`super::verify`].
///
/// A good batch size is [`BatchVerifier::GOOD_SIZE`]; larger ones gain little.
pub struct BatchVerifier {
    items: Vec<Item>,
    /// The keys of the batch, each once: there are few, and a point is large.
    keys: Vec<PublicKey>,
    refused: Vec<(u64, SignatureError)>,
}

struct Item {
    tag: u64,
    key: usize,
    parts: Parts,
}

impl BatchVerifier {
    /// From here on the cost of a signature hardly falls.
    pub const GOOD_SIZE: usize = 4096;

    /// An empty batch.
    pub fn new() -> Self {
        Self { items: Vec::new(), keys: Vec::new(), refused: Vec::new() }
    }

    /// Adds a signature; `tag` names it in the answer.
    pub fn add(&mut self, tag: u64, key: &PublicKey, message: &[u8], signature: &[u8; 64]) {
        match take_apart(key, message, signature) {
            Ok(parts) => {
                let key = self.place_of(key);
                self.items.push(Item { tag, key, parts });
            }
            Err(error) => self.refused.push((tag, error)),
        }
    }

    /// Makes room for so many signatures.
    pub fn reserve(&mut self, signatures: usize) {
        self.items.reserve(signatures);
    }

    /// Signatures of one key mostly come one after the other.
    fn place_of(&mut self, key: &PublicKey) -> usize {
        let same = self.keys.iter().rposition(|known| known.as_bytes() == key.as_bytes());
        same.unwrap_or_else(|| {
            self.keys.push(*key);
            self.keys.len() - 1
        })
    }

    /// How many signatures wait.
    pub fn len(&self) -> usize {
        self.items.len() + self.refused.len()
    }

    /// Does none wait?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks all and empties the batch; the tags of bad signatures come back, in ascending order.
    pub fn finish(&mut self, entropy: &dyn Entropy) -> Vec<(u64, SignatureError)> {
        let mut bad = std::mem::take(&mut self.refused);
        let items = std::mem::take(&mut self.items);
        let keys = std::mem::take(&mut self.keys);
        find_bad(&items, &keys, entropy, &mut bad);
        bad.sort_by_key(|(tag, _)| *tag);
        bad
    }
}

impl Default for BatchVerifier {
    fn default() -> Self {
        Self::new()
    }
}

/// A batch this small is checked one by one once it is known to be bad.
const ALONE: usize = 16;

/// Halves a batch that does not hold until the bad ones are found: a few of them cost a few batches, not one
/// check for each signature.
fn find_bad(items: &[Item], keys: &[PublicKey], entropy: &dyn Entropy, bad: &mut Vec<(u64, SignatureError)>) {
    if items.is_empty() || holds_together(items, keys, entropy) {
        return;
    }
    if items.len() > ALONE {
        let (left, right) = items.split_at(items.len() / 2);
        find_bad(left, keys, entropy, bad);
        find_bad(right, keys, entropy, bad);
        return;
    }
    let alone = items.iter().filter(|item| !residue(&keys[item.key], &item.parts).is_small_order());
    bad.extend(alone.map(|item| (item.tag, SignatureError::Mismatch)));
}

/// `8·(Σ zᵢ·Rᵢ + Σ_A (Σ zᵢkᵢ)·A - Σ zᵢsᵢ·B) = 0` for random 128-bit zᵢ: false for a batch with a bad signature
/// but with probability 2⁻¹²⁵. The sign is that under which the many scalars stay short: half the work.
fn holds_together(items: &[Item], keys: &[PublicKey], entropy: &dyn Entropy) -> bool {
    let mut randoms = vec![0_u8; items.len() * 16];
    entropy.fill(&mut randoms);
    let mut base = Scalar::ZERO;
    let mut folded = vec![Scalar::ZERO; keys.len()];
    let mut scalars = Vec::with_capacity(items.len() + keys.len() + 1);
    for (item, random) in items.iter().zip(randoms.chunks_exact(16)) {
        let z = Scalar::from(u128::from_le_bytes(random.try_into().expect("chunks of 16 bytes")));
        base += z * item.parts.s;
        folded[item.key] += z * item.parts.k;
        scalars.push(z);
    }
    scalars.push(-base);
    scalars.extend(folded);
    let points = items.iter().map(|item| &item.parts.r);
    let points = points.chain([&ED25519_BASEPOINT_POINT]).chain(keys.iter().map(PublicKey::point));
    EdwardsPoint::vartime_multiscalar_mul(&scalars, points).mul_by_cofactor().is_identity()
}
