//! The logs as rows, and their trees as this process knows them.

use std::collections::HashMap;

use ledger::ids::TenantId;
use ledger::keys::Kid;
use ledger::merkle::Hash;
use ledger::tile::{TILE_WIDTH, TileBuilder, TileId};
use tokio_postgres::{Client, Row};

use crate::error::PgError;
use crate::rows::{array, signed, unsigned};

/// Trees kept in memory, 4 KiB each on average.
const TREES_CACHED_MAX: usize = 1024;

/// What a log's next entry must be sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Epoch {
    Waiting,
    Active(Kid),
    Ended,
}

/// A log's row.
#[derive(Debug, Clone)]
pub(crate) struct LogRow {
    pub id: i32,
    pub tenant: TenantId,
    pub size: u64,
    pub root: Hash,
    pub epoch: Epoch,
    pub last_position: u64,
}

/// The columns that [`LogRow::read`] reads.
pub(crate) const LOG_COLUMNS: &str = "log, tenant, size, root, active_kid, last_position";

impl LogRow {
    pub fn read(row: &Row) -> Result<Self, PgError> {
        let size = unsigned(row.get(2))?;
        let kid: Option<&[u8]> = row.get(4);
        let epoch = match kid {
            Some(kid) => Epoch::Active(Kid(array(kid)?)),
            None if size == 0 => Epoch::Waiting,
            None => Epoch::Ended,
        };
        Ok(Self {
            id: row.get(0),
            tenant: TenantId::new(row.get::<_, &str>(1)).map_err(|e| PgError::Corrupt(e.to_string()))?,
            size,
            root: array(row.get(3))?,
            epoch,
            last_position: unsigned(row.get(5))?,
        })
    }

    pub fn active(&self) -> Option<Kid> {
        match self.epoch {
            Epoch::Active(kid) => Some(kid),
            Epoch::Waiting | Epoch::Ended => None,
        }
    }
}

/// Trees by log, as they were after this process's last commit to it. Another process may have gone on: a tree is
/// used only if it has the size and root that the row says.
#[derive(Debug, Default)]
pub(crate) struct Trees {
    trees: HashMap<i32, TileBuilder>,
}

impl Trees {
    /// Takes the tree of a log, read again where it is not known.
    pub async fn take(&mut self, client: &Client, log: &LogRow) -> Result<TileBuilder, PgError> {
        if let Some(tree) = self.trees.remove(&log.id)
            && tree.size() == log.size
            && tree.root() == log.root
        {
            return Ok(tree);
        }
        let tree = resume(client, log).await?;
        if tree.root() != log.root {
            let what = format!("the tree of tenant {} has another root than was stored", log.tenant);
            return Err(PgError::Corrupt(what));
        }
        Ok(tree)
    }

    /// Keeps a tree whose commit has succeeded.
    pub fn keep(&mut self, log: i32, tree: TileBuilder) {
        if self.trees.len() >= TREES_CACHED_MAX {
            self.trees.clear();
        }
        self.trees.insert(log, tree);
    }
}

async fn resume(client: &Client, log: &LogRow) -> Result<TileBuilder, PgError> {
    let mut tiles: HashMap<TileId, Vec<u8>> = HashMap::new();
    for tile in TileBuilder::open_tiles(log.size) {
        tiles.insert(tile, read_tile(client, log.id, log.size, tile).await?.unwrap_or_default());
    }
    TileBuilder::resume(log.size, |tile| tiles.remove(&tile).unwrap_or_default())
        .map_err(|error| PgError::Corrupt(format!("tenant {}: {error}", log.tenant)))
}

/// A tile of a log with so many entries, as wide as asked for: stored, or made from the leaves.
pub(crate) async fn read_tile(
    client: &Client,
    log: i32,
    size: u64,
    tile: TileId,
) -> Result<Option<Vec<u8>>, PgError> {
    if tile.level == 0 && (tile.index + 1) * TILE_WIDTH > size {
        let first = signed(tile.index * TILE_WIDTH);
        let last = first + i64::from(tile.width) - 1;
        let sql = "SELECT leaf FROM events WHERE log = $1 AND idx BETWEEN $2 AND $3 ORDER BY idx";
        let rows = client.query(sql, &[&log, &first, &last]).await?;
        let leaves = rows.iter().map(|row| row.get::<_, &[u8]>(0));
        return Ok(Some(leaves.flatten().copied().collect()));
    }
    let sql = "SELECT hashes FROM tiles WHERE log = $1 AND level = $2 AND idx = $3";
    let row = client.query_opt(sql, &[&log, &i16::from(tile.level), &signed(tile.index)]).await?;
    let bytes: Option<Vec<u8>> = row.map(|row| row.get(0));
    Ok(bytes.filter(|bytes| bytes.len() >= tile.bytes()).map(|mut bytes| {
        bytes.truncate(tile.bytes());
        bytes
    }))
}
