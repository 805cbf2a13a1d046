//! How a probe is doing, kept in `status.json` beside the spool so that another process can look.

use std::fs;
use std::io;
use std::path::Path;

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How a probe is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Evidence that waits for its receipt.
    pub waiting: u64,
    /// Bytes of the spool.
    pub spool_bytes: u64,
    /// Its bound.
    pub spool_bytes_max: u64,
    /// Receipts verified since the start.
    pub receipts: u64,
    /// Of those, how many said that the ledger had the evidence already.
    pub duplicates: u64,
    /// Receipts that did not verify; the evidence was kept.
    pub receipts_refused: u64,
    /// Evidence that the ledger refused for good; it lies in `rejected/`.
    pub rejected: u64,
    /// Bytes that a crash cut off while they were written, before they were accepted.
    pub torn_bytes: u64,
    /// Bytes that the disk damaged; they lie in `damaged/`.
    pub damaged_bytes: u64,
    /// When a receipt was last verified.
    pub last_receipt_at: Option<Timestamp>,
    /// When the ledger last took a heartbeat.
    pub last_heartbeat_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// Failures in a row.
    pub failures: u32,
    /// When the next attempt is due, after a failure.
    pub next_attempt_at: Option<Timestamp>,
    /// How far the ledger's clock is ahead of this one, where a correction was needed.
    pub clock_offset_seconds: i64,
    /// The genesis of the pinned log.
    pub genesis: Option<String>,
    /// Whose log it is.
    pub tenant: Option<String>,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: String,
}

const FILE: &str = "status.json";

impl Status {
    /// Reads the status that the probe of the spool in `dir` wrote last; `None` if it never did.
    ///
    /// # Errors
    /// The file system's, or a file that is not a status.
    pub fn read(dir: &Path) -> io::Result<Option<Self>> {
        match fs::read(dir.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => Ok(Some(serde_json::from_slice(&other?)?)),
        }
    }

    /// Writes it. Not synced: it says how things are now, and a crash ends that.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let temporary = dir.join("status.tmp");
        fs::write(&temporary, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&temporary, dir.join(FILE))
    }
}
