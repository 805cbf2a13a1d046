//! The entries of an export, one after the other, held against its checkpoint.

use std::io;
use std::path::PathBuf;

use ledger::bundle::{CHECKPOINT, DISCLOSURES, DisclosedLine};
use ledger::checkpoint::Checkpoint;
use ledger::disclosure::Disclosure;
use ledger::event::{Entry, parse_entry};
use ledger::ids::TenantId;
use ledger::merkle::{Frontier, Hash, leaf_hash};
use ledger::note::NOTE_BYTES_MAX;
use ledger::tile::{EntriesId, TILE_WIDTH, decode_entries};

use crate::directory::Directory;

/// A bundle of entries is refused above this size.
const BUNDLE_BYTES_MAX: u64 = TILE_WIDTH * (ledger::event::ENTRY_MAX as u64 + 2);

/// Why an export cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The export cannot be read at all.
    #[error("{path}: {error}")]
    Read {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// The question makes no sense for this export.
    #[error("{0}")]
    Usage(String),
    /// A file is missing or not what it should be.
    #[error("{file}: {reason}; run verify to find out more")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// An entry is not what it should be.
    #[error("index {index}: {reason}; run verify to find out more")]
    Entry {
        /// The index.
        index: u64,
        /// What is wrong.
        reason: String,
    },
}

/// An export opened for replay. Nothing is believed here but that the entries have the root of the checkpoint; whether
/// that is the log's, and who signed what, `verify` says.
pub struct Export {
    directory: Directory,
    /// The head, its signature not verified here.
    pub head: Checkpoint,
}

impl Export {
    /// Opens an export.
    ///
    /// # Errors
    /// [`ReplayError`] if the directory or its checkpoint cannot be read.
    pub fn open(path: &std::path::Path) -> Result<Self, ReplayError> {
        let directory =
            Directory::open(path).map_err(|error| ReplayError::Read { path: path.to_owned(), error })?;
        let bytes = directory.read(CHECKPOINT, NOTE_BYTES_MAX as u64).map_err(|e| of_file(CHECKPOINT, e))?;
        let (head, _) = Checkpoint::parse_note(&bytes).map_err(|error| of_file(CHECKPOINT, error))?;
        Ok(Self { directory, head })
    }

    /// Gives every entry in order to `take`, until that says stop. All entries: the root is compared.
    ///
    /// # Errors
    /// [`ReplayError`] for the first entry that cannot be read or is refused, or for another root.
    pub fn each(
        &self,
        mut take: impl FnMut(u64, Entry) -> Result<bool, ReplayError>,
    ) -> Result<(), ReplayError> {
        let mut tree = Frontier::default();
        let mut going = true;
        // Entries behind the end of the replay are hashed all the same: the root covers them too.
        self.each_raw(|index, bytes| {
            tree.push(leaf_hash(bytes));
            if going {
                let entry = parse_entry(bytes)
                    .map_err(|error| ReplayError::Entry { index, reason: error.to_string() })?;
                going = take(index, entry)?;
            }
            Ok(())
        })?;
        if tree.root() == self.head.root {
            Ok(())
        } else {
            Err(of_file(CHECKPOINT, "the entries have another root than the checkpoint says"))
        }
    }

    /// The hashes of all leaves, in order.
    ///
    /// # Errors
    /// [`ReplayError`] if a bundle of entries cannot be read.
    pub fn each_leaf(&self, mut take: impl FnMut(u64, Hash)) -> Result<(), ReplayError> {
        self.each_raw(|index, bytes| {
            take(index, leaf_hash(bytes));
            Ok(())
        })
    }

    fn each_raw(
        &self,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        let mut buffer = Vec::new();
        for id in EntriesId::all(self.head.size) {
            let path = id.path();
            let read = self.directory.read_into(&path, BUNDLE_BYTES_MAX, &mut buffer);
            read.map_err(|error| of_file(&path, error))?;
            let entries = decode_entries(&buffer, id.width).map_err(|error| of_file(&path, error))?;
            for (index, bytes) in (id.index * TILE_WIDTH..).zip(entries) {
                take(index, bytes)?;
            }
        }
        Ok(())
    }

    /// Whose log it is, as its first event says.
    ///
    /// # Errors
    /// [`ReplayError`] if there is no first event, or it cannot be read.
    pub fn tenant(&self) -> Result<TenantId, ReplayError> {
        let Some(id) = EntriesId::at(0, self.head.size) else {
            return Err(ReplayError::Usage("the log is empty".to_owned()));
        };
        let bytes = self.directory.read(&id.path(), BUNDLE_BYTES_MAX).map_err(|e| of_file(&id.path(), e))?;
        let entries = decode_entries(&bytes, id.width).map_err(|error| of_file(&id.path(), error))?;
        let refused =
            |error: ledger::event::EventError| ReplayError::Entry { index: 0, reason: error.to_string() };
        let entry = parse_entry(entries[0]).map_err(refused)?;
        Ok(entry.read().map_err(refused)?.tenant)
    }

    /// The disclosed members of one event, as far as this export has them.
    ///
    /// # Errors
    /// [`ReplayError`] if the disclosures cannot be read.
    pub fn disclosed(&self, wanted: &[u64]) -> Result<Vec<(u64, Disclosure)>, ReplayError> {
        use std::io::BufRead;
        let file = self.directory.file(DISCLOSURES).map_err(|error| of_file(DISCLOSURES, error))?;
        let mut found = Vec::new();
        for line in io::BufReader::new(file).split(b'\n') {
            let line = line.map_err(|error| of_file(DISCLOSURES, error))?;
            let line = DisclosedLine::parse(&line).map_err(|error| of_file(DISCLOSURES, error))?;
            if !wanted.contains(&line.index) {
                continue;
            }
            let json =
                ledger::b64::decode_url(&line.disclosure).map_err(|error| of_file(DISCLOSURES, error))?;
            let opened = Disclosure::from_json(&json).map_err(|error| of_file(DISCLOSURES, error))?;
            found.push((line.index, opened));
        }
        Ok(found)
    }
}

fn of_file(file: &str, reason: impl ToString) -> ReplayError {
    ReplayError::File { file: file.to_owned(), reason: reason.to_string() }
}
