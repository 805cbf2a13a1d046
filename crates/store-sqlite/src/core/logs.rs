//! The logs as the committer holds them: size, key epoch, tree.

use std::collections::HashMap;

use ledger::event::Header;
use ledger::ids::TenantId;
use ledger::keys::Kid;
use ledger::merkle::{EMPTY_ROOT, Hash, leaf_hash};
use ledger::tile::{TILE_WIDTH, TileBuilder, TileId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::CoreError;

/// Trees kept in memory, 4 KiB each on average; another is made again from 255 events at most.
const TREES_CACHED_MAX: usize = 1024;

/// What a log's next entry must be sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epoch {
    /// Its genesis has not been appended.
    Waiting,
    Active(Kid),
    /// Its key was revoked without a successor.
    Ended,
}

/// One log.
#[derive(Debug)]
pub(crate) struct Log {
    pub id: i64,
    pub size: u64,
    pub root: Hash,
    pub epoch: Epoch,
    pub last_position: u64,
    /// `position - index` of the newest run.
    pub run: Option<u64>,
    pub tree: Option<TileBuilder>,
    /// Changed in this commit, not yet written.
    pub dirty: bool,
    /// The number of the commit that used its tree last.
    pub used: u64,
}

/// The columns that [`Log::from_row`] reads.
pub(crate) const LOG_COLUMNS: &str = "log, tenant, size, root, active_kid, last_position";

impl Log {
    /// A log without entries.
    pub fn new(id: i64) -> Self {
        let epoch = Epoch::Waiting;
        let (size, last_position, used) = (0, 0, 0);
        Self { id, size, root: EMPTY_ROOT, epoch, last_position, run: None, tree: None, dirty: false, used }
    }

    pub fn from_row(row: &rusqlite::Row<'_>) -> Result<(String, Self), rusqlite::Error> {
        let kid: Option<[u8; 16]> = row.get(4)?;
        let size = row.get(2)?;
        let epoch = match kid {
            Some(kid) => Epoch::Active(Kid(kid)),
            None if size == 0 => Epoch::Waiting,
            None => Epoch::Ended,
        };
        let log =
            Self { size, root: row.get(3)?, epoch, last_position: row.get(5)?, ..Self::new(row.get(0)?) };
        Ok((row.get(1)?, log))
    }

    pub fn active(&self) -> Option<Kid> {
        match self.epoch {
            Epoch::Active(kid) => Some(kid),
            Epoch::Waiting | Epoch::Ended => None,
        }
    }

    /// The tree, taken up from the tiles and the last events if it is not in memory.
    pub fn tree(&mut self, conn: &Connection) -> Result<&mut TileBuilder, CoreError> {
        if self.tree.is_none() {
            let tree = resume(conn, self.id, self.size)?;
            if tree.root() != self.root {
                return Err(CoreError::Corrupt(format!(
                    "the tree of log {} at size {} has another root than was stored",
                    self.id, self.size
                )));
            }
            self.tree = Some(tree);
        }
        Ok(self.tree.as_mut().expect("it was just made"))
    }
}

/// All logs, by tenant.
pub(crate) fn load(conn: &Connection) -> Result<HashMap<TenantId, Log>, CoreError> {
    let mut query = conn.prepare(&format!("SELECT {LOG_COLUMNS} FROM logs"))?;
    let mut rows = query.query([])?;
    let mut logs = HashMap::new();
    while let Some(row) = rows.next()? {
        let (tenant, mut log) = Log::from_row(row)?;
        let tenant = TenantId::new(&tenant).map_err(|error| CoreError::Corrupt(error.to_string()))?;
        log.run = newest_run(conn, log.id)?;
        logs.insert(tenant, log);
    }
    Ok(logs)
}

fn newest_run(conn: &Connection, log: i64) -> Result<Option<u64>, CoreError> {
    let run: Option<(u64, u64)> = conn
        .prepare_cached("SELECT idx, position FROM runs WHERE log = ?1 ORDER BY idx DESC LIMIT 1")?
        .query_row(params![log], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let offset = |(index, position): (u64, u64)| {
        position
            .checked_sub(index)
            .ok_or_else(|| CoreError::Corrupt(format!("a run of log {log} lies before it")))
    };
    run.map(offset).transpose()
}

/// Drops the trees that were not used for longest, once there are too many.
pub(crate) fn trim_trees(logs: &mut HashMap<TenantId, Log>) {
    let held = logs.values().filter(|log| log.tree.is_some()).count();
    if held <= TREES_CACHED_MAX {
        return;
    }
    let mut uses: Vec<u64> = logs.values().filter(|log| log.tree.is_some()).map(|log| log.used).collect();
    // Half at once, so that this walk is rare.
    let (_, median, _) = uses.select_nth_unstable(held / 2);
    let median = *median;
    for log in logs.values_mut().filter(|log| log.used < median) {
        log.tree = None;
    }
}

/// The key of a row of `tiles`.
pub(crate) fn tile_key(log: i64, tile: TileId) -> i64 {
    let index = i64::try_from(tile.index).expect("a tile's index is far below 2^36");
    log << 40 | i64::from(tile.level) << 36 | index
}

/// Takes a tree of `size` leaves up again. Anything missing or of the wrong length is damage.
pub(crate) fn resume(conn: &Connection, log: i64, size: u64) -> Result<TileBuilder, CoreError> {
    let mut failure = None;
    let tree = TileBuilder::resume(size, |tile| {
        let bytes = if tile.level == 0 {
            let first = tile.index * TILE_WIDTH;
            leaves(conn, log, first, first + u64::from(tile.width))
                .map(|leaves| leaves.as_flattened().to_vec())
        } else {
            stored_tile(conn, log, tile).map(Option::unwrap_or_default).map_err(CoreError::from)
        };
        bytes.unwrap_or_else(|error| {
            failure = Some(error);
            Vec::new()
        })
    });
    match failure {
        Some(error) => Err(error),
        None => tree.map_err(|error| CoreError::Corrupt(format!("log {log}: {error}"))),
    }
}

/// A stored tile, cut to the width that is asked for. `None`: it is not there, or narrower.
pub(crate) fn stored_tile(
    conn: &Connection,
    log: i64,
    tile: TileId,
) -> Result<Option<Vec<u8>>, rusqlite::Error> {
    let bytes: Option<Vec<u8>> = conn
        .prepare_cached("SELECT hashes FROM tiles WHERE tile = ?1")?
        .query_row(params![tile_key(log, tile)], |row| row.get(0))
        .optional()?;
    Ok(bytes.filter(|bytes| bytes.len() >= tile.bytes()).map(|mut bytes| {
        bytes.truncate(tile.bytes());
        bytes
    }))
}

/// The leaf hashes of entries `from..to`, made from the events themselves.
pub(crate) fn leaves(conn: &Connection, log: i64, from: u64, to: u64) -> Result<Vec<Hash>, CoreError> {
    let mut leaves = Vec::with_capacity(usize::try_from(to - from).unwrap_or(0));
    crate::query::log_rows(conn, log, from, to, |row| {
        let header = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        leaves.push(leaf_of(header, &row.get(5)?)?);
        Ok(())
    })?;
    Ok(leaves)
}

/// The RFC 6962 leaf hash of the entry that a header and its signature make.
pub(crate) fn leaf_of(header: &[u8], signature: &[u8; 64]) -> Result<Hash, CoreError> {
    let parsed = Header::parse_trusted(header)
        .map_err(|error| CoreError::Corrupt(format!("a stored header cannot be read: {error}")))?;
    Ok(leaf_hash(&ledger::event::entry_bytes(header, signature, parsed.kid)))
}
