//! The head file: what every log was when its last append was acknowledged, kept outside the database.
//!
//! A database that loses its tail is consistent with itself; only something outside can tell (security.md,
//! storage facts). Each log has two copies of one record, in different pages, written in turn, so that a torn
//! write leaves the one before; the newer one counts. Records are written after the commit and before the
//! acknowledgement, and made durable with every checkpoint: after a power loss the file may be behind the
//! database, never ahead of what was acknowledged.
//!
//! ```text
//! page 0      header: magic, store id, MAC
//! page 1, 2   copies A and B of logs 0..32      page 3, 4   copies A and B of logs 32..64      ...
//! ```

mod record;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use ledger::merkle::Hash;

use record::{Mac, RECORD_BYTES, Record};

const PAGE_BYTES: u64 = 4096;
const RECORDS_PER_PAGE: u64 = PAGE_BYTES / RECORD_BYTES as u64;

/// Why a head file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadFileError {
    /// It is damaged, or of another store, or under another key.
    #[error("the head file {path} cannot be trusted: {reason}")]
    Untrusted {
        /// Where it is.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It cannot be read or written.
    #[error("cannot open {path}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What failed, and a hint.
        reason: String,
    },
}

/// An open head file.
#[derive(Debug)]
pub struct HeadFile {
    /// Nothing: what is written is not kept.
    file: Option<File>,
    mac: Mac,
    heads: BTreeMap<i64, Record>,
    dirty: bool,
}

/// What the head file says of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl HeadFile {
    /// None: for a store that is no ledger's live place, such as a backup. It knows nothing and keeps nothing.
    pub fn none() -> Self {
        Self { file: None, mac: Mac::new(&[0; 32], &[0; 16]), heads: BTreeMap::new(), dirty: false }
    }

    /// Creates the file of a store that has no events yet. Durable, with its name, when it returns.
    ///
    /// # Errors
    /// [`HeadFileError::Io`]
    pub fn create(path: &Path, key: &[u8; 32], store: &[u8; 16]) -> Result<Self, HeadFileError> {
        let io = |error: std::io::Error| HeadFileError::Io {
            path: path.to_owned(),
            reason: format!("{error}; the head file's directory must exist and be writable"),
        };
        let mac = Mac::new(key, store);
        // Written whole beside its place, so that a crash leaves no half of a header.
        let fresh = path.with_extension("new");
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&fresh).map_err(io)?;
        file.write_all_at(&mac.header(), 0).map_err(io)?;
        file.sync_all().map_err(io)?;
        std::fs::rename(&fresh, path).map_err(io)?;
        sync_directory(path).map_err(io)?;
        Ok(Self { file: Some(file), mac, heads: BTreeMap::new(), dirty: false })
    }

    /// Opens the file and reads every log's newest record. `None`: there is no file.
    ///
    /// # Errors
    /// [`HeadFileError`]
    ///
    /// # Panics
    /// If the file has more logs than `i64` can count.
    pub fn open(path: &Path, key: &[u8; 32], store: &[u8; 16]) -> Result<Option<Self>, HeadFileError> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HeadFileError::Io { path: path.to_owned(), reason: error.to_string() }),
        };
        let untrusted = |reason: String| HeadFileError::Untrusted { path: path.to_owned(), reason };
        let mac = Mac::new(key, store);
        let bytes = std::fs::read(path).map_err(|error| untrusted(error.to_string()))?;
        mac.check_header(&bytes).map_err(|reason| untrusted(reason.to_owned()))?;
        let mut head_file = Self { file: Some(file), mac, heads: BTreeMap::new(), dirty: false };
        let pages = (bytes.len() as u64).saturating_sub(PAGE_BYTES).div_ceil(PAGE_BYTES);
        let logs = pages.div_ceil(2) * RECORDS_PER_PAGE;
        for log in 0..logs {
            let log = i64::try_from(log).expect("a file has fewer logs than i64 can count");
            let copies = [0, 1].map(|copy| head_file.mac.read(&bytes, offset(log, copy), log));
            match newest(copies) {
                Ok(Some(record)) => _ = head_file.heads.insert(log, record),
                Ok(None) => {}
                Err(()) => return Err(untrusted(format!("the record of log {log} is damaged"))),
            }
        }
        Ok(Some(head_file))
    }

    /// What the file says of a log.
    pub fn head(&self, log: i64) -> Option<Head> {
        self.heads.get(&log).map(|record| Head { size: record.size, root: record.root })
    }

    /// The logs that the file knows.
    pub fn logs(&self) -> impl Iterator<Item = i64> {
        self.heads.keys().copied()
    }

    /// Writes a log's new head. Survives the process when it returns, and the machine after [`Self::sync`].
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&mut self, log: i64, size: u64, root: Hash) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let generation = self.heads.get(&log).map_or(0, |record| record.generation + 1);
        let record = Record { generation, size, root };
        self.dirty = true;
        file.write_all_at(&self.mac.write(log, &record), offset(log, generation & 1))?;
        self.heads.insert(log, record);
        Ok(())
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// The file system's.
    pub fn sync(&mut self) -> std::io::Result<()> {
        if let Some(file) = self.file.as_ref().filter(|_| self.dirty) {
            file.sync_all()?;
            self.dirty = false;
        }
        Ok(())
    }
}

fn offset(log: i64, copy: u64) -> u64 {
    let log = u64::try_from(log).expect("a log's number is not negative");
    let page = 1 + log / RECORDS_PER_PAGE * 2 + copy;
    page * PAGE_BYTES + log % RECORDS_PER_PAGE * RECORD_BYTES as u64
}

/// One torn copy is what a crash leaves; two are damage. A copy of zeros was never written.
fn newest(copies: [Result<Option<Record>, ()>; 2]) -> Result<Option<Record>, ()> {
    match copies {
        [Ok(a), Ok(b)] => Ok([a, b].into_iter().flatten().max_by_key(|record| record.generation)),
        [Ok(Some(one)), Err(())] | [Err(()), Ok(Some(one))] => Ok(Some(one)),
        _ => Err(()),
    }
}

fn sync_directory(of: &Path) -> std::io::Result<()> {
    let parent = of.parent().filter(|p| !p.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_owned);
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests;
