//! The tree of a log, grown again, and its tiles compared with the stored ones.

use std::collections::BTreeMap;

use ledger::merkle::Hash;
use ledger::tile::{TILE_BYTES, TILE_WIDTH, TileBuilder, TileId};
use rusqlite::Connection;

use crate::core::stored_tile;
use ledger_store::verify::{Failure, Verification};

/// A tree that grows, with what is to be compared.
pub(super) struct TreeVerifier {
    log: i64,
    tree: TileBuilder,
    full: Vec<(TileId, Vec<u8>)>,
    /// The open tiles above level 0, at most one a level.
    open: Vec<(TileId, Vec<u8>)>,
    /// Sizes whose roots are asked for.
    roots: BTreeMap<u64, Option<Hash>>,
    /// Positions of the entries that lie in no full tile yet, and of those whose tile is not compared yet.
    positions: Vec<u64>,
    first: u64,
}

impl TreeVerifier {
    pub fn new(log: i64) -> Self {
        let tree = TileBuilder::default();
        let (full, open, roots, positions) = (Vec::new(), Vec::new(), BTreeMap::new(), Vec::new());
        Self { log, tree, full, open, roots, positions, first: 0 }
    }

    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Asks for the root at a size that is not reached yet.
    pub fn want(&mut self, size: u64) {
        let reached = (size == 0).then(|| self.tree.root());
        self.roots.insert(size, reached);
    }

    pub fn root_at(&self, size: u64) -> Option<Hash> {
        self.roots.get(&size).copied().flatten()
    }

    pub fn push(&mut self, leaf: Hash, position: u64) {
        self.tree.push(leaf);
        self.positions.push(position);
        let (size, root) = (self.tree.size(), &self.tree);
        if let Some(wanted) = self.roots.get_mut(&size) {
            *wanted = Some(root.root());
        }
        if size.is_multiple_of(TILE_WIDTH) {
            for (tile, hashes) in self.tree.drain() {
                self.open.retain(|(open, _)| open.level != tile.level);
                let list = if hashes.len() == TILE_BYTES { &mut self.full } else { &mut self.open };
                list.push((tile, hashes));
            }
        }
    }

    /// Compares every tile that is complete; at the end of the log also the open ones above level 0.
    pub fn compare(
        &mut self,
        conn: &Connection,
        at_end: bool,
        place: &Failure,
        report: &mut Verification,
    ) -> Result<(), rusqlite::Error> {
        let mut tiles = std::mem::take(&mut self.full);
        if at_end {
            tiles.append(&mut self.open);
        }
        for (tile, hashes) in tiles {
            let stored = stored_tile(conn, self.log, tile)?;
            if stored.as_ref() != Some(&hashes) {
                report.fail(self.difference(tile, &hashes, stored.as_deref(), place));
            }
        }
        let kept = self.tree.size() % TILE_WIDTH;
        let done = self.positions.len() - usize::try_from(kept).unwrap_or(0);
        self.positions.drain(..done);
        self.first += done as u64;
        Ok(())
    }

    /// A stored leaf that differs from its event names the event.
    fn difference(&self, tile: TileId, hashes: &[u8], stored: Option<&[u8]>, place: &Failure) -> Failure {
        let Some(stored) = stored else {
            return Failure { reason: format!("{} is missing", tile.path()), ..place.clone() };
        };
        let differs = hashes.chunks(32).zip(stored.chunks(32)).position(|(a, b)| a != b).unwrap_or(0) as u64;
        let reason = format!("hash {differs} of {} is not what the events make it", tile.path());
        if tile.level > 0 {
            return Failure { reason, ..place.clone() };
        }
        let index = tile.index * TILE_WIDTH + differs;
        let at = index.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        let position = at.and_then(|at| self.positions.get(at)).copied();
        Failure { reason, index: Some(index), position, ..place.clone() }
    }
}
