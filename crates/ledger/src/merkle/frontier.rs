//! The right edge of a tree: the roots of its complete subtrees, largest first.

use super::{EMPTY_ROOT, Hash, node_hash};

/// All that is needed to append to a tree and to know its root: at most 64 hashes.
///
/// The number of hashes is the number of ones in `size`; the k-th stands for the k-th one from the left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

/// A stored frontier that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {expected} complete subtrees, not {found}")]
pub struct FrontierError {
    /// The number of leaves.
    pub size: u64,
    /// The number of hashes that this size needs.
    pub expected: u32,
    /// The number of hashes that were given.
    pub found: usize,
}

impl Frontier {
    /// Takes up a stored frontier.
    ///
    /// # Errors
    /// [`FrontierError`] if the number of hashes does not fit the size.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, FrontierError> {
        let expected = size.count_ones();
        if usize::try_from(expected) == Ok(hashes.len()) {
            Ok(Self { size, hashes })
        } else {
            Err(FrontierError { size, expected, found: hashes.len() })
        }
    }

    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first: what to store.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf hash. Amortised one node hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_with(leaf, |_, _, _| {});
    }

    /// Appends a leaf hash and tells every node that it completes, as (level, index, hash), level 0 first.
    pub fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(u32, u64, &Hash)) {
        let mut hash = leaf;
        completed(0, self.size, &hash);
        for level in 1..=self.size.trailing_ones() {
            let left = self.hashes.pop().expect("one hash for each one in the size");
            hash = node_hash(&left, &hash);
            completed(level, self.size >> level, &hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root: the subtrees folded from the right (RFC 6962 §2.1). At most 63 node hashes.
    pub fn root(&self) -> Hash {
        let mut from_right = self.hashes.iter().rev().copied();
        let Some(last) = from_right.next() else { return EMPTY_ROOT };
        from_right.fold(last, |right, left| node_hash(&left, &right))
    }
}
