//! Inclusion and consistency proofs (RFC 6962 §2.1.1 and §2.1.2), made from any [`HashReader`] and verified.
//!
//! A proof is planned before it is read: [`inclusion_nodes`] and [`consistency_nodes`] name the nodes that are
//! needed, so that a caller with an asynchronous store fetches their tiles first and this module stays pure.

use crate::merkle::{EMPTY_ROOT, Hash, HashReader, Node, node_hash, range_hash, range_nodes};

/// No proof of a 64-bit tree is longer. A consistency proof of C2SP tlog-witness has at most as many lines.
pub const HASHES_MAX: usize = 63;

/// Why a proof cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError<E> {
    /// The leaf or the older size lies outside the tree.
    #[error("{wanted} lies outside a tree of {size} leaves")]
    Range {
        /// The leaf index or the older size.
        wanted: u64,
        /// The tree's size.
        size: u64,
    },
    /// A node could not be read.
    #[error("a hash of the tree could not be read: {0}")]
    Read(E),
}

/// Why a proof does not convince.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The leaf or the older size lies outside the tree.
    #[error("{wanted} lies outside a tree of {size} leaves")]
    Range {
        /// The leaf index or the older size.
        wanted: u64,
        /// The tree's size.
        size: u64,
    },
    /// The proof has too many or too few hashes for the sizes.
    #[error("the proof has {found} hashes, which these sizes cannot have")]
    Length {
        /// The number of hashes that the proof has.
        found: usize,
    },
    /// The hashes lead to another root than the newer one given.
    #[error("the proof leads to another root")]
    Root,
    /// The hashes lead to another root than the older one given: history was rewritten.
    #[error("the proof leads to another older root")]
    OldRoot,
}

type Range = (u64, u64);

/// The largest power of two below `n`, for `n` ≥ 2.
const fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The ranges of PATH(index, D[size]), from the leaf upward.
fn inclusion_ranges(index: u64, size: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    let (mut low, mut high) = (0, size);
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            ranges.push((middle, high));
            high = middle;
        } else {
            ranges.push((low, middle));
            low = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The ranges of PROOF(old, D[size]), for 0 < `old` < `size`.
fn consistency_ranges(old: u64, size: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    let (mut low, mut high, mut known) = (0, size, true);
    while high != old {
        let middle = low + split(high - low);
        if old <= middle {
            ranges.push((middle, high));
            high = middle;
        } else {
            ranges.push((low, middle));
            low = middle;
            known = false;
        }
    }
    if !known {
        ranges.push((low, high));
    }
    ranges.reverse();
    ranges
}

fn nodes(ranges: Vec<Range>) -> Vec<Node> {
    ranges.into_iter().flat_map(|(start, end)| range_nodes(start, end)).collect()
}

fn hashes<R: HashReader>(ranges: Vec<Range>, reader: &R) -> Result<Vec<Hash>, ProofError<R::Error>> {
    ranges
        .into_iter()
        .map(|(start, end)| range_hash(start, end, reader))
        .collect::<Result<_, _>>()
        .map_err(ProofError::Read)
}

/// The nodes that [`inclusion`] reads; none if the leaf lies outside the tree.
pub fn inclusion_nodes(index: u64, size: u64) -> Vec<Node> {
    if index < size { nodes(inclusion_ranges(index, size)) } else { Vec::new() }
}

/// The nodes that [`consistency`] reads; none if there is nothing to prove.
pub fn consistency_nodes(old: u64, size: u64) -> Vec<Node> {
    if 0 < old && old < size { nodes(consistency_ranges(old, size)) } else { Vec::new() }
}

/// The audit path of leaf `index` in the tree of the first `size` leaves (RFC 6962 §2.1.1).
///
/// # Errors
/// [`ProofError::Range`] if the leaf is not in the tree, [`ProofError::Read`] from the reader.
pub fn inclusion<R: HashReader>(
    index: u64,
    size: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProofError<R::Error>> {
    if index >= size {
        return Err(ProofError::Range { wanted: index, size });
    }
    hashes(inclusion_ranges(index, size), reader)
}

/// The proof that the tree of `old` leaves is a prefix of that of `size` leaves (RFC 6962 §2.1.2).
/// Empty when `old` is 0 or `size`.
///
/// # Errors
/// [`ProofError::Range`] if `old` > `size`, [`ProofError::Read`] from the reader.
pub fn consistency<R: HashReader>(
    old: u64,
    size: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProofError<R::Error>> {
    if old > size {
        return Err(ProofError::Range { wanted: old, size });
    }
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    hashes(consistency_ranges(old, size), reader)
}

/// Checks that `leaf` is at `index` of the tree with this size and root (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`VerifyError`] says what does not fit.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::Range { wanted: index, size });
    }
    let length = VerifyError::Length { found: proof.len() };
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length);
    }
    if hash == *root { Ok(()) } else { Err(VerifyError::Root) }
}

/// Checks that the tree of `old` leaves with root `old_root` is a prefix of the tree with this size and root
/// (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`VerifyError`] says what does not fit.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), VerifyError> {
    if old > size {
        return Err(VerifyError::Range { wanted: old, size });
    }
    let length = VerifyError::Length { found: proof.len() };
    if old == 0 || old == size {
        let expected = if old == 0 { &EMPTY_ROOT } else { root };
        return match () {
            () if !proof.is_empty() => Err(length),
            () if old_root != expected => Err(VerifyError::OldRoot),
            () => Ok(()),
        };
    }
    let (mut place, mut last) = (old - 1, size - 1);
    // A complete older tree is its own first hash (§2.1.4.2 step 2).
    let mut hashes = proof.iter();
    let start = if old.is_power_of_two() { *old_root } else { *hashes.next().ok_or(length)? };
    let skip = place.trailing_ones();
    place >>= skip;
    last >>= skip;
    let (mut old_hash, mut new_hash) = (start, start);
    for sibling in hashes {
        if last == 0 {
            return Err(length);
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length);
    }
    if old_hash != *old_root {
        return Err(VerifyError::OldRoot);
    }
    if new_hash == *root { Ok(()) } else { Err(VerifyError::Root) }
}

#[cfg(test)]
mod tests;
