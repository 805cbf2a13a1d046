//! The head file of this process: a database that went back behind what was acknowledged here is not signed on.
//!
//! A backup that was restored, or a standby that took over without the last commits, is consistent with itself; only what
//! lies outside the database can tell. Other processes may have gone on, so the database may be ahead of the file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ledger::merkle::{Hash, range_nodes, root_at};
use ledger::tile::TileSet;
use ledger_store::headfile::{Head, HeadFile};
use tokio_postgres::Client;

use crate::connect::connect;
use crate::error::{OpenError, PgError};
use crate::logs::{LOG_COLUMNS, LogRow, read_tile};
use crate::options::PostgresOptions;
use crate::rows::array;

/// Where the head file lies, and what authenticates it.
#[derive(Clone)]
pub struct HeadOptions {
    /// On a path of its own, outside of backups.
    pub path: PathBuf,
    /// Authenticates its records.
    pub key: [u8; 32],
}

/// Holds a database against the head file that the options name, and writes neither: a process that has both may be at work.
/// `false`: there is no head file, or none is named.
///
/// # Errors
/// [`OpenError::HeadMismatch`], [`OpenError::HeadFile`], or the database cannot be asked.
pub async fn holds_what_the_head_file_says(options: &PostgresOptions) -> Result<bool, OpenError> {
    match &options.head {
        Some(head) => Guard::look(&connect(options).await?, head).await,
        None => Ok(false),
    }
}

/// The head file, opened. Without options it knows nothing and refuses nothing.
#[derive(Default)]
pub(crate) struct Guard(Option<Mutex<HeadFile>>);

impl Guard {
    /// Opens the file and holds the database against it. A process that joins has none yet: it trusts what it finds.
    pub async fn open(client: &Client, options: Option<&HeadOptions>) -> Result<Self, OpenError> {
        let Some(HeadOptions { path, key }) = options else { return Ok(Self::default()) };
        let failed = |error: PgError| OpenError::Statement { what: "head file", reason: error.to_string() };
        let store = store_id(client).await.map_err(failed)?;
        let file = match HeadFile::open(path, key, &store)? {
            Some(file) => file,
            None => HeadFile::create(path, key, &store)?,
        };
        let guard = Self(Some(Mutex::new(file)));
        let logs = logs(client).await.map_err(failed)?;
        guard.compare(client, path, &logs).await?;
        guard.take_up(path, &logs)?;
        Ok(guard)
    }

    /// Holds the database against the file, and writes neither. `false`: there is no file.
    pub async fn look(client: &Client, options: &HeadOptions) -> Result<bool, OpenError> {
        let HeadOptions { path, key } = options;
        let failed = |error: PgError| OpenError::Statement { what: "head file", reason: error.to_string() };
        let store = store_id(client).await.map_err(failed)?;
        // Before the logs are read: a ledger that is at work may then be ahead of the file, never behind.
        let Some(file) = HeadFile::open(path, key, &store)? else { return Ok(false) };
        let logs = logs(client).await.map_err(failed)?;
        Self(Some(Mutex::new(file))).compare(client, path, &logs).await?;
        Ok(true)
    }

    /// The database has what the file names, as its first entries.
    async fn compare(&self, client: &Client, path: &Path, logs: &[LogRow]) -> Result<(), OpenError> {
        let mismatch =
            |log: String, detail: String| OpenError::HeadMismatch { log, detail, path: path.to_owned() };
        if let Some(lost) = self.known().keys().find(|id| logs.iter().all(|log| i64::from(log.id) != **id)) {
            let detail = "the head file knows it, the database does not".to_owned();
            return Err(mismatch(format!("number {lost}"), detail));
        }
        for log in logs {
            if let Err(detail) = self.check(log) {
                return Err(mismatch(format!("tenant {}", log.tenant), detail));
            }
            let Some(head) = self.known().remove(&i64::from(log.id)) else { continue };
            let root = root_before(client, log, head.size).await;
            let root = root.map_err(|error| mismatch(format!("tenant {}", log.tenant), error.to_string()))?;
            if root != head.root {
                let detail = format!("its first {} entries are not those that were there", head.size);
                return Err(mismatch(format!("tenant {}", log.tenant), detail));
            }
        }
        Ok(())
    }

    /// Notes what the database has beyond the file: others have gone on.
    fn take_up(&self, path: &Path, logs: &[LogRow]) -> Result<(), OpenError> {
        for log in logs {
            self.record(log.id, log.size, log.root).map_err(|error| OpenError::HeadMismatch {
                log: log.tenant.to_string(),
                detail: error.to_string(),
                path: path.to_owned(),
            })?;
        }
        Ok(())
    }

    fn known(&self) -> HashMap<i64, Head> {
        let Some(file) = &self.0 else { return HashMap::new() };
        let file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.logs().filter_map(|log| Some((log, file.head(log)?))).collect()
    }

    /// What the file says of a log.
    pub fn head(&self, log: i32) -> Option<Head> {
        let file = self.0.as_ref()?;
        file.lock().unwrap_or_else(PoisonError::into_inner).head(i64::from(log))
    }

    /// Does a log have at least what was acknowledged here? In words, if it does not.
    pub fn check(&self, log: &LogRow) -> Result<(), String> {
        against(self.head(log.id), log)
    }

    /// Refuses to go on with a log that went back. Its row was read under the lock of the store, by whoever writes the file.
    pub fn refuse(&self, log: &LogRow) -> Result<(), PgError> {
        refuse(self.head(log.id), log)
    }

    /// Notes what is about to be acknowledged.
    pub fn record(&self, log: i32, size: u64, root: Hash) -> Result<(), PgError> {
        self.with(|file| file.write(i64::from(log), size, root))
    }

    /// Makes what was noted durable.
    pub fn sync(&self) -> Result<(), PgError> {
        self.with(HeadFile::sync)
    }

    fn with(&self, write: impl FnOnce(&mut HeadFile) -> std::io::Result<()>) -> Result<(), PgError> {
        let Some(file) = &self.0 else { return Ok(()) };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut file).map_err(|error| PgError::Server(format!("the head file: {error}")))
    }
}

fn against(known: Option<Head>, log: &LogRow) -> Result<(), String> {
    match known {
        Some(head) if log.size < head.size => {
            Err(format!("it has {} entries, the head file says {}", log.size, head.size))
        }
        Some(head) if log.size == head.size && log.root != head.root => {
            Err(format!("its {} entries are not those that were there", head.size))
        }
        _ => Ok(()),
    }
}

/// Refuses to go on with a log that went back behind what the file said before the log's row was read: read the other way
/// round, a commit in between would look like a loss.
pub(crate) fn refuse(known: Option<Head>, log: &LogRow) -> Result<(), PgError> {
    against(known, log).map_err(|detail| {
        PgError::Corrupt(format!(
            "the log of tenant {} does not match the head file: {detail}; nothing is signed. Connect to the newest database",
            log.tenant
        ))
    })
}

pub(crate) async fn store_id(client: &Client) -> Result<[u8; 16], PgError> {
    array(client.query_one("SELECT id FROM store", &[]).await?.get(0))
}

/// All logs as they are.
pub(crate) async fn logs(client: &Client) -> Result<Vec<LogRow>, PgError> {
    let rows = client.query(&format!("SELECT {LOG_COLUMNS} FROM logs ORDER BY log"), &[]).await?;
    rows.iter().map(LogRow::read).collect()
}

/// The root over the first entries of a log.
pub(crate) async fn root_before(client: &Client, log: &LogRow, size: u64) -> Result<Hash, PgError> {
    if size == log.size {
        return Ok(log.root);
    }
    let mut tiles = TileSet::new(log.size);
    for tile in tiles.needed(range_nodes(0, size)) {
        let bytes = read_tile(client, log.id, log.size, tile).await?.unwrap_or_default();
        tiles.insert(tile, bytes).map_err(|error| PgError::Corrupt(error.to_string()))?;
    }
    root_at(size, &tiles).map_err(|error| PgError::Corrupt(error.to_string()))
}
