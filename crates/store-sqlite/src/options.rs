//! What a store is opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::clock::{Entropy, OsEntropy};
use ledger_store::{Access, Birth};

/// Where the store lies and how much it may hold in memory.
#[derive(Clone)]
pub struct StoreOptions {
    /// Holds `events.db`, `blobs/` and `ledger.lock`.
    pub data_dir: PathBuf,
    /// The head file: on a path of its own, outside backups (formats.md §4).
    pub head_file: PathBuf,
    /// Authenticates the head file's records.
    pub head_key: [u8; 32],
    /// Where the store's identity comes from.
    pub entropy: Arc<dyn Entropy>,
    /// What the store is opened for.
    pub access: Access,
    /// What a store that does not exist yet is made as; nothing: a ledger's first store, with an identity of its own.
    pub birth: Option<Birth>,
    /// Hold the database against the head file, and keep that. A backup has none.
    pub guarded: bool,
    /// Connections that read: as many reads run at once.
    pub readers: usize,
    #[cfg(test)]
    pub(crate) weakness: Weakness,
}

impl StoreOptions {
    /// A store in `data_dir`, its head file at `head_file`.
    pub fn new(data_dir: impl AsRef<Path>, head_file: impl AsRef<Path>, head_key: [u8; 32]) -> Self {
        Self {
            data_dir: data_dir.as_ref().to_owned(),
            head_file: head_file.as_ref().to_owned(),
            head_key,
            entropy: Arc::new(OsEntropy),
            access: Access::Serve,
            birth: None,
            guarded: true,
            readers: READERS,
            #[cfg(test)]
            weakness: Weakness::default(),
        }
    }

    /// A store to be read, or to be copied to, that no head file stands beside.
    pub fn unguarded(data_dir: impl AsRef<Path>) -> Self {
        let guarded = Self::new(&data_dir, data_dir.as_ref().join("head"), [0; 32]);
        Self { access: Access::Carry, guarded: false, ..guarded }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data_dir.join("events.db")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.data_dir.join("blobs")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.data_dir.join("ledger.lock")
    }
}

/// Enough that one slow page does not hold up point reads; each holds a page cache of its own.
const READERS: usize = 4;

/// The most bytes of headers that wait for the committer; more callers wait for room. Bounds memory.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;
/// The most events in one commit. Measured: the rate is flat from 1,000 on, and each one delays the first.
pub(crate) const GROUP_EVENTS_MAX: usize = 2048;
/// The most requests that wait for the committer.
pub(crate) const QUEUE_REQUESTS_MAX: usize = 8192;

/// What the controls of the fault suites leave out, to show that the suites would notice.
#[cfg(test)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weakness {
    /// Answers before the commit.
    pub answer_before_commit: bool,
    /// `synchronous=NORMAL`.
    pub synchronous_normal: bool,
    /// Ignores the head file at open.
    pub no_head_file: bool,
    /// Takes a failed commit for a commit that has not happened.
    pub commit_error_means_no: bool,
}
