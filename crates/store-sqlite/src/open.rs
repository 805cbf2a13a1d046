//! Opening: settings asserted, schema brought up to date, the database held against the head file.

use std::collections::HashSet;
use std::path::Path;

use ledger::merkle::root_at;
use ledger::tile::{TILE_WIDTH, TileId, TileReader};
use rusqlite::Connection;

use crate::core::{Core, Log, SharedNames, leaves, stored_tile};
use crate::error::{CoreError, OpenError};
use crate::options::StoreOptions;
use crate::sqlite::{Role, connect, migrate, open_error, store_id};
use ledger_store::Access;
use ledger_store::headfile::{Head, HeadFile};

/// Logs whose last events are read at start; a full verification reads all. Bounds the time to start.
const TAILS_CHECKED: usize = 64;

/// Opens the write side, at start and after a failure.
#[derive(Clone)]
pub(crate) struct Opener {
    options: StoreOptions,
}

impl Opener {
    pub fn new(options: StoreOptions) -> Self {
        Self { options }
    }

    /// Opens the database for the first time in this process: creates it and the head file where there is none.
    pub fn open(&self, names: &SharedNames) -> Result<Core, OpenError> {
        let path = self.options.database();
        self.refuse_lost_database(&path)?;
        let mut conn = connect(&path, self.role())?;
        migrate(&mut conn, &path, &*self.options.entropy, self.options.birth.as_ref())?;
        self.refuse_what_is_not_live(&conn)?;
        let head_file = self.head_file(&conn)?;
        let mut core = Core::load(conn, head_file, names.clone(), self.options.access)
            .map_err(|error| damaged(&path, &error))?;
        self.reconcile(&mut core)?;
        Ok(core)
    }

    /// A ledger is served where it lives alone.
    fn refuse_what_is_not_live(&self, conn: &Connection) -> Result<(), OpenError> {
        let path = self.options.database();
        let custody = crate::portable::custody(conn).map_err(|error| damaged(&path, &error))?;
        match (self.options.access, custody.refusal(Access::Serve)) {
            (Access::Serve, Some(reason)) => {
                Err(OpenError::NotLive { path: self.options.data_dir.clone(), reason })
            }
            _ => Ok(()),
        }
    }

    /// Nothing is created where a head file says that there was something.
    fn refuse_lost_database(&self, path: &Path) -> Result<(), OpenError> {
        let head_file = self.options.head_file.clone();
        if !self.options.guarded {
            return Ok(());
        }
        let missing = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
        if missing && head_file.exists() {
            let reason = format!("there is no database at {} that it could belong to", path.display());
            return Err(OpenError::HeadFile { path: head_file, reason });
        }
        Ok(())
    }

    /// Opens the database again after a failure, behind a fence (see `committer`).
    pub fn reopen(&self, names: &SharedNames) -> Result<Core, CoreError> {
        let conn = self.connect_again()?;
        conn.execute(
            "INSERT INTO meta (key, value) VALUES ('fence', x'00')
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [],
        )?;
        let as_core = |error: OpenError| CoreError::Corrupt(error.to_string());
        let head_file = self.head_file(&conn).map_err(as_core)?;
        let mut core = Core::load(conn, head_file, names.clone(), self.options.access)?;
        self.reconcile(&mut core).map_err(as_core)?;
        Ok(core)
    }

    fn connect_again(&self) -> Result<Connection, CoreError> {
        connect(&self.options.database(), self.role()).map_err(|error| match error {
            OpenError::Damaged { reason, .. } => CoreError::Corrupt(reason),
            other => CoreError::Io(std::io::Error::other(other.to_string())),
        })
    }

    #[cfg(test)]
    pub fn weakness(&self) -> crate::options::Weakness {
        self.options.weakness
    }

    #[cfg(not(test))]
    fn role(&self) -> Role {
        Role::Writer
    }

    #[cfg(test)]
    fn role(&self) -> Role {
        if self.options.weakness.synchronous_normal { Role::WeakWriter } else { Role::Writer }
    }

    fn head_file(&self, conn: &Connection) -> Result<HeadFile, OpenError> {
        if !self.options.guarded {
            return Ok(HeadFile::none());
        }
        let (path, key) = (&self.options.head_file, &self.options.head_key);
        let store = store_id(conn, &self.options.database())?;
        if let Some(file) = HeadFile::open(path, key, &store)? {
            return Ok(file);
        }
        let database = self.options.database();
        let logs: i64 = conn
            .query_row("SELECT count(*) FROM logs", [], |row| row.get(0))
            .map_err(|error| open_error(&database, &error))?;
        if logs > 0 {
            return Err(OpenError::HeadFileMissing { path: path.clone() });
        }
        Ok(HeadFile::create(path, key, &store)?)
    }

    /// The database may be ahead of the head file (a crash between commit and record), by entries that extend
    /// what the record names; never behind, never beside.
    fn reconcile(&self, core: &mut Core) -> Result<(), OpenError> {
        #[cfg(test)]
        if self.options.weakness.no_head_file {
            return Ok(());
        }
        if !self.options.guarded {
            return Ok(());
        }
        let path = self.options.database();
        let Core { conn, logs, head_file, .. } = core;
        let known: Vec<i64> = logs.values().map(|log| log.id).collect();
        if let Some(lost) = head_file.logs().find(|id| !known.contains(id)) {
            let detail = "the head file knows it, the database does not".to_owned();
            return Err(OpenError::HeadMismatch { log: format!("number {lost}"), detail });
        }
        let newest = newest(logs.values());
        let mut behind = Vec::new();
        for (tenant, log) in logs.iter_mut() {
            let mismatch =
                |detail: String| OpenError::HeadMismatch { log: format!("tenant {tenant}"), detail };
            let Some(head) = head_file.head(log.id) else {
                if log.size > 0 {
                    return Err(mismatch(format!(
                        "it has {} entries, the head file has no record",
                        log.size
                    )));
                }
                behind.push((log.id, log.size, log.root));
                continue;
            };
            if log.size < head.size {
                return Err(mismatch(format!(
                    "it has {} entries, the head file says {}",
                    log.size, head.size
                )));
            }
            if log.size > head.size || newest.contains(&log.id) {
                // Takes the tree up from the last events, so that a damaged tail is found now.
                log.tree(conn).map_err(|error| damaged(&path, &error))?;
            }
            let root = root_before(conn, log, head).map_err(|error| damaged(&path, &error))?;
            if root != head.root {
                return Err(mismatch(format!(
                    "its first {} entries are not those that were there",
                    head.size
                )));
            }
            if log.size > head.size {
                behind.push((log.id, log.size, log.root));
            }
        }
        for (log, size, root) in behind {
            let io = |error: std::io::Error| OpenError::Io {
                path: self.options.head_file.clone(),
                reason: format!("{error}; the head file must be writable"),
            };
            head_file.write(log, size, root).map_err(io)?;
        }
        Ok(())
    }
}

/// The logs that were written last: a crash or a torn disk hits those.
fn newest<'a>(logs: impl Iterator<Item = &'a Log>) -> HashSet<i64> {
    let mut logs: Vec<(u64, i64)> = logs.map(|log| (log.last_position, log.id)).collect();
    logs.sort_unstable_by(|a, b| b.cmp(a));
    logs.into_iter().take(TAILS_CHECKED).map(|(_, id)| id).collect()
}

/// The root that the log had at the head file's size.
pub(crate) fn root_before(conn: &Connection, log: &Log, head: Head) -> Result<[u8; 32], CoreError> {
    if head.size == log.size {
        return Ok(log.root);
    }
    let fetch = |tile: TileId| read_tile(conn, log.id, log.size, tile);
    root_at(head.size, &TileReader::new(log.size, fetch))
        .map_err(|error| CoreError::Corrupt(error.to_string()))
}

/// A tile of a log with so many entries, as wide as asked for: stored, or made from the events.
pub(crate) fn read_tile(conn: &Connection, log: i64, size: u64, tile: TileId) -> Result<Vec<u8>, CoreError> {
    let open = tile.level == 0 && (tile.index + 1) * TILE_WIDTH > size;
    if open {
        let first = tile.index * TILE_WIDTH;
        let leaves = leaves(conn, log, first, first + u64::from(tile.width))?;
        return Ok(leaves.as_flattened().to_vec());
    }
    stored_tile(conn, log, tile)?
        .ok_or_else(|| CoreError::Corrupt(format!("log {log}: tile {} is missing", tile.path())))
}

pub(crate) fn damaged(path: &Path, error: &CoreError) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), reason: error.to_string() }
}
