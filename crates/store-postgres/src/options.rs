//! What a store is opened with.

use std::sync::Arc;
use std::time::Duration;

use ledger::clock::{Entropy, OsEntropy};

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct PostgresOptions {
    /// The server, the database and the role. TLS is not spoken yet: use a socket or a trusted network.
    pub config: tokio_postgres::Config,
    /// Where the store's identity comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Connections that read.
    pub readers: usize,
    /// How often the position is asked for, should a notification be lost.
    pub poll: Duration,
    /// A transaction that does nothing for so long is ended by the server, so that a process that was cut off
    /// cannot hold the lock of the store.
    pub idle_in_transaction: Duration,
}

impl PostgresOptions {
    /// A store in the database that `config` names.
    pub fn new(config: tokio_postgres::Config) -> Self {
        Self { config, entropy: Arc::new(OsEntropy), readers: READERS, poll: POLL, idle_in_transaction: IDLE }
    }
}

/// Queries of one connection are answered in turn; more let a short one pass a long one.
const READERS: usize = 4;
const POLL: Duration = Duration::from_secs(1);
/// Longer than any pause between two statements of one commit, short enough for those who wait.
const IDLE: Duration = Duration::from_secs(5);

/// The most bytes of headers that wait for the committer; more callers wait for room. Bounds memory.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;
/// The most events in one commit: a round trip and a sync are shared by so many.
pub(crate) const GROUP_EVENTS_MAX: usize = 4096;
/// The most requests that wait for the committer.
pub(crate) const QUEUE_REQUESTS_MAX: usize = 8192;
/// A statement that takes longer is ended: it waits for a lock that somebody holds.
pub(crate) const STATEMENT_MS_MAX: u64 = 30_000;
