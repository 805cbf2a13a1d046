//! Reading complete subtrees, wherever they are kept, and folding them to roots.

use super::{EMPTY_ROOT, Hash, node_hash};

/// A complete subtree: the leaves `index·2^level .. (index+1)·2^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Its height; 0 is a leaf.
    pub level: u32,
    /// Its place among the nodes of its level.
    pub index: u64,
}

/// Gives the hashes of complete subtrees: from tiles, from memory, from a table.
pub trait HashReader {
    /// Why a hash could not be read.
    type Error;

    /// The hash of a complete subtree.
    ///
    /// # Errors
    /// If the node is missing where it is kept, or cannot be read.
    fn node(&self, node: Node) -> Result<Hash, Self::Error>;
}

impl<R: HashReader> HashReader for &R {
    type Error = R::Error;
    fn node(&self, node: Node) -> Result<Hash, Self::Error> {
        (**self).node(node)
    }
}

/// The complete subtrees that make up the leaves `start..end`, left to right.
///
/// `start` must be a multiple of the largest power of two ≤ `end - start`, as every range of RFC 6962 §2.1 is.
pub fn range_nodes(start: u64, end: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut from = start;
    while from < end {
        let level = (end - from).ilog2().min(if from == 0 { 63 } else { from.trailing_zeros() });
        nodes.push(Node { level, index: from >> level });
        from += 1 << level;
    }
    nodes
}

/// The hash over the leaves `start..end`, folded from complete subtrees.
///
/// # Errors
/// What the reader reports.
pub fn range_hash<R: HashReader>(start: u64, end: u64, reader: &R) -> Result<Hash, R::Error> {
    let mut folded: Option<Hash> = None;
    for node in range_nodes(start, end).into_iter().rev() {
        let left = reader.node(node)?;
        folded = Some(folded.map_or(left, |right| node_hash(&left, &right)));
    }
    Ok(folded.unwrap_or(EMPTY_ROOT))
}

/// The root of the first `size` leaves.
///
/// # Errors
/// What the reader reports.
pub fn root_at<R: HashReader>(size: u64, reader: &R) -> Result<Hash, R::Error> {
    range_hash(0, size, reader)
}

/// A whole tree in memory, every level kept. For anchors and for tests, not for logs.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    levels: Vec<Vec<Hash>>,
    frontier: super::Frontier,
}

impl MemoryTree {
    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        let levels = &mut self.levels;
        self.frontier.push_with(leaf, |level, _, hash| {
            let level = level as usize;
            if levels.len() == level {
                levels.push(Vec::new());
            }
            levels[level].push(*hash);
        });
    }

    /// The number of leaves.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }
}

impl FromIterator<Hash> for MemoryTree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::default();
        for leaf in leaves {
            tree.push(leaf);
        }
        tree
    }
}

/// A node that the tree does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("node {index} of level {level} is not complete in this tree", level = .0.level, index = .0.index)]
pub struct NoSuchNode(pub Node);

impl HashReader for MemoryTree {
    type Error = NoSuchNode;
    fn node(&self, node: Node) -> Result<Hash, NoSuchNode> {
        let index = usize::try_from(node.index).map_err(|_| NoSuchNode(node))?;
        self.levels.get(node.level as usize).and_then(|l| l.get(index)).copied().ok_or(NoSuchNode(node))
    }
}
