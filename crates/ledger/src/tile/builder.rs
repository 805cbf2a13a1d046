//! Growing a tree tile by tile: what a committer keeps in memory and writes at each commit.

use super::{TILE_HEIGHT, TILE_LEVELS, TILE_WIDTH, TileId, hashes_at};
use crate::merkle::{Frontier, Hash};

/// A frontier together with the open tiles at the right edge: at most 8 × 255 hashes.
///
/// Push the leaves of a commit, then write what [`TileBuilder::drain`] gives in the same transaction.
#[derive(Debug, Clone, Default)]
pub struct TileBuilder {
    frontier: Frontier,
    /// Per level the bytes of the open tile, less than [`super::TILE_BYTES`] each.
    open: Vec<Vec<u8>>,
    full: Vec<(TileId, Vec<u8>)>,
    drained: u64,
}

/// Stored tiles that do not belong to a tree of this size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves needs tile {tile} with {expected} bytes, not {found}")]
pub struct ResumeError {
    /// The tree's size.
    pub size: u64,
    /// The tile's path.
    pub tile: TileId,
    /// The bytes it must have.
    pub expected: usize,
    /// The bytes that were given.
    pub found: usize,
}

impl TileBuilder {
    /// The open tiles that [`TileBuilder::resume`] needs, one a level.
    pub fn open_tiles(size: u64) -> impl Iterator<Item = TileId> {
        (0..TILE_LEVELS).filter_map(move |level| {
            let hashes = hashes_at(level, size);
            TileId::at(level, hashes / TILE_WIDTH, size)
        })
    }

    /// Takes a tree up again from its open tiles; `tile` gives the bytes of each that
    /// [`TileBuilder::open_tiles`] names. The caller compares [`TileBuilder::root`] with what it trusts.
    ///
    /// # Errors
    /// [`ResumeError`] if a tile has another length than the size says.
    pub fn resume(size: u64, mut tile: impl FnMut(TileId) -> Vec<u8>) -> Result<Self, ResumeError> {
        let levels = (0..TILE_LEVELS).take_while(|level| hashes_at(*level, size) > 0).count();
        let mut open = vec![Vec::new(); levels];
        for id in Self::open_tiles(size) {
            let bytes = tile(id);
            if bytes.len() != id.bytes() {
                return Err(ResumeError { size, tile: id, expected: id.bytes(), found: bytes.len() });
            }
            open[usize::from(id.level)] = bytes;
        }
        // Each open tile holds the complete subtrees of eight bits of the size; the highest tile the largest.
        let mut hashes = Vec::new();
        for bytes in open.iter().rev() {
            let mut tile = Frontier::default();
            for hash in bytes.as_chunks::<32>().0 {
                tile.push(*hash);
            }
            hashes.extend_from_slice(tile.hashes());
        }
        let frontier = Frontier::from_parts(size, hashes).expect("the open tiles spell the size in base 256");
        Ok(Self { frontier, open, full: Vec::new(), drained: size })
    }

    /// Appends a leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        let (open, full) = (&mut self.open, &mut self.full);
        self.frontier.push_with(leaf, |level, index, hash| {
            if level % TILE_HEIGHT != 0 {
                return;
            }
            let tile_level = (level / TILE_HEIGHT) as usize;
            if open.len() == tile_level {
                open.push(Vec::with_capacity(super::TILE_BYTES));
            }
            open[tile_level].extend_from_slice(hash);
            if open[tile_level].len() == super::TILE_BYTES {
                let level = u8::try_from(tile_level).expect("a 64-bit tree has eight levels of tiles");
                let id = TileId { level, index: index / TILE_WIDTH, width: 256 };
                full.push((id, std::mem::take(&mut open[tile_level])));
            }
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

    /// The tree's right edge.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The tiles that became full since the last call of this or of [`TileBuilder::drain`], and no open ones.
    pub fn drain_full(&mut self) -> Vec<(TileId, Vec<u8>)> {
        std::mem::take(&mut self.full)
    }

    /// The tiles that are new or wider since the last call: the full ones, then the open ones.
    /// They are those of [`super::tiles_between`], in an order of their own.
    pub fn drain(&mut self) -> Vec<(TileId, Vec<u8>)> {
        let mut tiles = self.drain_full();
        let (before, size) = (self.drained, self.size());
        for (level, bytes) in (0..).zip(&self.open) {
            let grown = hashes_at(level, size) > hashes_at(level, before);
            if let Some(id) = TileId::at(level, hashes_at(level, size) / TILE_WIDTH, size).filter(|_| grown) {
                tiles.push((id, bytes.clone()));
            }
        }
        self.drained = size;
        tiles
    }
}
