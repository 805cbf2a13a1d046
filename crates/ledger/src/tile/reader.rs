//! Nodes out of tiles.

use std::collections::HashMap;

use super::{TileId, node_hashes};
use crate::merkle::{Hash, HashReader, Node, root_of};

/// Why a node cannot be read from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError<E> {
    /// The node is not complete in a tree of this size.
    #[error("node {index} of level {level} is not in a tree of {size} leaves", level = .node.level, index = .node.index)]
    NotInTree {
        /// The node that was asked for.
        node: Node,
        /// The tree's size.
        size: u64,
    },
    /// A tile has another length than its width says.
    #[error("{tile} has {found} bytes instead of {expected}", expected = .tile.bytes())]
    Length {
        /// The tile.
        tile: TileId,
        /// The bytes that it has.
        found: usize,
    },
    /// The tile could not be fetched.
    #[error("{0}: {1}")]
    Fetch(TileId, E),
}

/// A [`HashReader`] that fetches tiles from a function.
///
/// It verifies nothing: a proof made from it is verified against the root, as every proof is.
pub struct TileReader<F> {
    size: u64,
    fetch: F,
}

impl<F, E> TileReader<F>
where
    F: Fn(TileId) -> Result<Vec<u8>, E>,
{
    /// Reads the tree of this size; `fetch` gives the bytes of a tile, at least as wide as asked for.
    pub const fn new(size: u64, fetch: F) -> Self {
        Self { size, fetch }
    }
}

impl<F, E> HashReader for TileReader<F>
where
    F: Fn(TileId) -> Result<Vec<u8>, E>,
{
    type Error = TileError<E>;

    fn node(&self, node: Node) -> Result<Hash, TileError<E>> {
        let tile = TileId::of_node(node, self.size).ok_or(TileError::NotInTree { node, size: self.size })?;
        let bytes = (self.fetch)(tile).map_err(|error| TileError::Fetch(tile, error))?;
        node_in_tile(node, &bytes).ok_or(TileError::Length { tile, found: bytes.len() })
    }
}

/// Folds a node from the bytes of its tile; `None` if the tile is too short.
fn node_in_tile(node: Node, bytes: &[u8]) -> Option<Hash> {
    let (first, end) = node_hashes(node)?;
    let start = usize::try_from(first % super::TILE_WIDTH).ok()?;
    let count = usize::try_from(end - first).ok()?;
    let hashes = bytes.as_chunks::<32>().0.get(start..start + count)?;
    Some(root_of(hashes.iter().copied()))
}

/// A tile that was not put into the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not fetched")]
pub struct NotFetched;

/// Tiles fetched beforehand, for callers whose store is asynchronous.
///
/// Ask [`TileSet::needed`] with the nodes of a planned proof, fetch, [`TileSet::insert`], then make the proof.
#[derive(Debug, Clone, Default)]
pub struct TileSet {
    size: u64,
    tiles: HashMap<TileId, Vec<u8>>,
}

impl TileSet {
    /// Tiles of a tree of this size.
    pub fn new(size: u64) -> Self {
        Self { size, tiles: HashMap::new() }
    }

    /// The tiles that hold these nodes, each once.
    pub fn needed(&self, nodes: impl IntoIterator<Item = Node>) -> Vec<TileId> {
        let mut tiles: Vec<TileId> =
            nodes.into_iter().filter_map(|node| TileId::of_node(node, self.size)).collect();
        tiles.sort_unstable();
        tiles.dedup();
        tiles.retain(|tile| !self.tiles.contains_key(tile));
        tiles
    }

    /// The bytes of a tile that was kept at exactly this width.
    pub fn bytes(&self, tile: TileId) -> Option<&[u8]> {
        self.tiles.get(&tile).map(Vec::as_slice)
    }

    /// Keeps a tile.
    ///
    /// # Errors
    /// [`TileError::Length`] if the bytes do not fit the width.
    pub fn insert(&mut self, tile: TileId, bytes: Vec<u8>) -> Result<(), TileError<NotFetched>> {
        if bytes.len() != tile.bytes() {
            return Err(TileError::Length { tile, found: bytes.len() });
        }
        self.tiles.insert(tile, bytes);
        Ok(())
    }
}

impl HashReader for TileSet {
    type Error = TileError<NotFetched>;

    fn node(&self, node: Node) -> Result<Hash, Self::Error> {
        let tile = TileId::of_node(node, self.size).ok_or(TileError::NotInTree { node, size: self.size })?;
        let bytes = self.tiles.get(&tile).ok_or(TileError::Fetch(tile, NotFetched))?;
        node_in_tile(node, bytes).ok_or(TileError::Length { tile, found: bytes.len() })
    }
}
