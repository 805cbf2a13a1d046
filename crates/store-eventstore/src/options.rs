//! What a store is opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger::clock::{Entropy, OsEntropy};
use ledger_store::SideStore;

/// Where the server, the index and the side store are.
#[derive(Clone)]
pub struct EsdbOptions {
    /// `esdb://` or `kurrentdb://`, with credentials, one host or several, or `+discover`. Whatever it says of
    /// `nodePreference`, the leader is spoken to.
    pub url: String,
    /// The directory of the derived index; made where there is none. May be deleted while nothing runs.
    pub index: PathBuf,
    /// What cannot be derived: kept in SQLite for one process, in PostgreSQL for several.
    pub side: Arc<dyn SideStore>,
    /// Comes before `log-<tenant>` in the names of streams: several ledgers on one server have each their own.
    pub prefix: String,
    /// How often is looked for entries of other processes. Own ones are not waited for.
    pub poll: Duration,
    /// How long an append may take before its outcome is called unknown.
    pub patience: Duration,
    /// Where the names of annexes come from.
    pub entropy: Arc<dyn Entropy>,
    #[cfg(test)]
    pub(crate) failed_means_no: bool,
}

impl EsdbOptions {
    /// A store on the server that `url` names.
    pub fn new(url: impl Into<String>, index: impl AsRef<Path>, side: Arc<dyn SideStore>) -> Self {
        Self {
            url: url.into(),
            index: index.as_ref().to_owned(),
            side,
            prefix: String::new(),
            poll: POLL,
            patience: PATIENCE,
            entropy: Arc::new(OsEntropy),
            #[cfg(test)]
            failed_means_no: false,
        }
    }
}

/// Seldom enough to be nothing for the server, often enough that a reader of another process's events hardly waits.
const POLL: Duration = Duration::from_millis(100);
/// A leader's election takes seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// One request to the server may take so long. The client's own deadline is the same.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two tries of the same request.
pub(crate) const REST: Duration = Duration::from_millis(20);
/// Rests grow up to this.
pub(crate) const REST_MAX: Duration = Duration::from_millis(500);
/// Events read from `$all` at once: more than one append may have, so that a page never ends in the first append.
pub(crate) const PAGE_EVENTS: usize = 2 * ledger_store::EVENTS_PER_APPEND_MAX;
/// Bytes of one append: the server takes 1 MiB by default, and counts names and metadata too.
pub(crate) const APPEND_BYTES_MAX: usize = 900 << 10;
/// Events of one group of appends.
pub(crate) const GROUP_EVENTS_MAX: usize = 2048;
/// How often a group is decided again because other processes were faster, before its callers are told to try later.
pub(crate) const ROUNDS_MAX: usize = 200;
/// The most bytes of headers that wait for the committer; more callers wait for room. Bounds memory.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;
/// The most requests that wait for the committer.
pub(crate) const QUEUE_REQUESTS_MAX: usize = 8192;
