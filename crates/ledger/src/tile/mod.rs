//! C2SP tlog-tiles: names of tiles and entry bundles, their bytes, and which of them a growing tree writes.
//!
//! A full tile holds 256 hashes and never changes. A partial tile is a prefix of the full one, so whoever has a
//! wider tile can serve every narrower one. A tile of no width is never named, written or served.

mod builder;
mod entries;
mod path;
mod reader;

pub use builder::{ResumeError, TileBuilder};
pub use entries::{EntriesError, decode_entries, encode_entries, entries, push_entry};
pub(crate) use path::parse_number;
pub use path::{PathError, Resource};
pub use reader::{TileError, TileReader, TileSet};

use crate::merkle::Node;

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in one tile: 256 = 2^8.
pub const TILE_HEIGHT: u32 = 8;
/// Bytes of a full tile.
pub const TILE_BYTES: usize = 8192;
/// Levels of tiles that a 64-bit tree can have; the path format would allow up to 63.
pub const TILE_LEVELS: u8 = 8;

/// A tile of hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Its level: the hashes in it cover 256^level leaves each.
    pub level: u8,
    /// Its place among the tiles of its level.
    pub index: u64,
    /// Hashes in it: 1 to 256.
    pub width: u16,
}

/// A bundle of log entries, as wide as the level-0 tile of the same index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntriesId {
    /// Its place: entries `256·index ..`.
    pub index: u64,
    /// Entries in it: 1 to 256.
    pub width: u16,
}

/// How many hashes a level of tiles has in a tree of this size: `floor(size / 256^level)`.
pub const fn hashes_at(level: u8, size: u64) -> u64 {
    if level < TILE_LEVELS { size >> (TILE_HEIGHT * level as u32) } else { 0 }
}

/// The width that tile `index` has in a level with so many hashes; `None` if it would be empty.
fn width_in(index: u64, hashes: u64) -> Option<u16> {
    let before = index.checked_mul(TILE_WIDTH)?;
    let width = hashes.saturating_sub(before).min(TILE_WIDTH);
    u16::try_from(width).ok().filter(|w| *w > 0)
}

impl TileId {
    /// The tile at this place in a tree of this size, `None` if it would be empty.
    pub fn at(level: u8, index: u64, size: u64) -> Option<Self> {
        width_in(index, hashes_at(level, size)).map(|width| Self { level, index, width })
    }

    /// The tile that holds a node (or the hashes to fold it from) in a tree of this size; `None` if the node is
    /// not complete there.
    pub fn of_node(node: Node, size: u64) -> Option<Self> {
        let level = u8::try_from(node.level / TILE_HEIGHT).ok()?;
        let (first, end) = node_hashes(node)?;
        let tile = Self::at(level, first / TILE_WIDTH, size)?;
        (end <= hashes_at(level, size)).then_some(tile)
    }

    /// The number of bytes: 32 for each hash.
    pub const fn bytes(self) -> usize {
        self.width as usize * 32
    }

    /// Does a tree of this size have it, at this width or wider?
    pub fn exists_in(self, size: u64) -> bool {
        Self::at(self.level, self.index, size).is_some_and(|tile| self.width <= tile.width)
    }
}

impl EntriesId {
    /// The bundle at this place in a log of this size, `None` if it would be empty.
    pub fn at(index: u64, size: u64) -> Option<Self> {
        width_in(index, size).map(|width| Self { index, width })
    }

    /// The bundles of a log of this size, in order.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        (0..size.div_ceil(TILE_WIDTH)).filter_map(move |index| Self::at(index, size))
    }
}

/// The hashes of the node's tile level that it covers: first and end.
fn node_hashes(node: Node) -> Option<(u64, u64)> {
    let below = node.level % TILE_HEIGHT;
    let first = node.index.checked_shl(below).filter(|first| first >> below == node.index)?;
    Some((first, first.checked_add(1 << below)?))
}

/// The hash tiles that are new or wider when a tree grows from `old` to `size` leaves, lower levels first.
///
/// From 0 these are all tiles of the tree.
pub fn tiles_between(old: u64, size: u64) -> impl Iterator<Item = TileId> {
    (0..TILE_LEVELS).flat_map(move |level| {
        let (before, now) = (hashes_at(level, old), hashes_at(level, size));
        let grown = if now > before { before / TILE_WIDTH..now.div_ceil(TILE_WIDTH) } else { 0..0 };
        grown.filter_map(move |index| TileId::at(level, index, size))
    })
}

#[cfg(test)]
mod tests;
