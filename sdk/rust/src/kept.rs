//! What stays after evidence has left the spool: receipts (bounded), and what the ledger refused for good (never deleted).

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use ledger::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::receipt::Receipt;

/// Receipts are kept in two files of this size; the older is replaced.
pub const RECEIPT_FILE_BYTES: u64 = 8 << 20;

/// The most refused evidence that is set aside. Beyond it the rest stays in the spool, which has a bound of its own: so
/// a framework that is not imported cannot fill the disk, and nothing is dropped.
pub const REJECTED_MAX: usize = 10_000;

/// The receipts of a spool.
#[derive(Debug)]
pub struct Receipts {
    current: PathBuf,
    older: PathBuf,
}

impl Receipts {
    /// Those of the spool in `dir`.
    pub fn of(dir: &Path) -> Self {
        Self { current: dir.join("receipts.ndjson"), older: dir.join("receipts.1.ndjson") }
    }

    /// Keeps receipts. A full disk must not keep evidence from leaving, so a failure here is only reported.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep(&self, receipts: &[Receipt]) -> io::Result<()> {
        if fs::metadata(&self.current).is_ok_and(|meta| meta.len() > RECEIPT_FILE_BYTES) {
            fs::rename(&self.current, &self.older)?;
        }
        let mut lines = Vec::new();
        for receipt in receipts {
            serde_json::to_writer(&mut lines, receipt)?;
            lines.push(b'\n');
        }
        let mut file = OpenOptions::new().append(true).create(true).open(&self.current)?;
        file.write_all(&lines)?;
        file.sync_data()
    }

    /// The newest receipts, newest first.
    ///
    /// # Errors
    /// The file system's.
    pub fn newest(&self, count: usize) -> io::Result<Vec<Receipt>> {
        let mut all = Vec::new();
        for path in [&self.older, &self.current] {
            all.extend(lines::<Receipt>(path)?);
        }
        all.reverse();
        all.truncate(count);
        Ok(all)
    }
}

/// Evidence that the ledger refused for good, with the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    /// When.
    pub at: Timestamp,
    /// The problem that the ledger answered.
    pub problem: Value,
    /// The evidence as it was sent.
    pub evidence: Value,
}

/// The refused evidence of a spool: one file each, in `rejected/`.
#[derive(Debug)]
pub struct RejectedFiles {
    dir: PathBuf,
}

impl RejectedFiles {
    /// Those of the spool in `spool_dir`.
    pub fn of(spool_dir: &Path) -> Self {
        Self { dir: spool_dir.join("rejected") }
    }

    /// Keeps one, durably: only then may it leave the spool.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep(&self, id: &str, rejected: &Rejected) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        crate::spool::disk::replace(
            &self.dir.join(format!("{id}.json")),
            &serde_json::to_vec_pretty(rejected)?,
        )
    }

    /// All of them by file, oldest id first.
    ///
    /// # Errors
    /// The file system's, or a file that is not one of these.
    pub fn list(&self) -> io::Result<Vec<(PathBuf, Rejected)>> {
        let mut paths = self.paths()?;
        paths.sort();
        let read = |path: PathBuf| {
            let rejected = serde_json::from_slice(&fs::read(&path)?)?;
            Ok((path, rejected))
        };
        paths.into_iter().map(read).collect()
    }

    /// How many there are.
    ///
    /// # Errors
    /// The file system's.
    pub fn count(&self) -> io::Result<usize> {
        Ok(self.paths()?.len())
    }

    fn paths(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|e| e.path())).collect();
        Ok(paths?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "json")).collect())
    }
}

/// Reads lines of JSON; the last one may be cut off by a crash and is left out then.
fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> io::Result<Vec<T>> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut all = Vec::new();
    for line in io::BufReader::new(file).lines() {
        all.extend(serde_json::from_str(&line?));
    }
    Ok(all)
}
