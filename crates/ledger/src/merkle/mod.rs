//! RFC 6962 Merkle trees over SHA-256: hashes, roots, and the state that a growing tree needs.
//!
//! A node is named by its level and its index there: node (l, i) covers the leaves `i·2^l .. (i+1)·2^l`.
//! Only complete subtrees are nodes; a root of any other size is folded from them (RFC 6962 §2.1).
//! Nothing here stores anything: [`Frontier`] is all that an append needs, [`HashReader`] all that a proof needs.

mod frontier;
mod reader;

use sha2::{Digest, Sha256};

pub use frontier::{Frontier, FrontierError};
pub use reader::{HashReader, MemoryTree, Node, range_hash, range_nodes, root_at};

/// A SHA-256 value: of a leaf, a node or a root.
pub type Hash = [u8; 32];

/// The root of the tree without leaves: SHA-256 of nothing.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// `H(0x00 ‖ entry)`. The prefix keeps a leaf from ever standing for a node (RFC 6962 §2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// `H(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 65];
    input[1..33].copy_from_slice(left);
    input[33..].copy_from_slice(right);
    Sha256::digest(input).into()
}

/// The root of the tree without leaves.
pub const fn empty_root() -> Hash {
    EMPTY_ROOT
}

/// The root over leaf hashes, in one pass.
pub fn root_of(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.push(leaf);
    }
    frontier.root()
}

#[cfg(test)]
pub(crate) mod tests;
