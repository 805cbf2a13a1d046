//! What a store is opened with.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ledger::clock::{Entropy, OsEntropy};
use ledger_store::{Access, Birth};
use rustls::ClientConfig;

use crate::connect::full;
use crate::error::OpenError;
use crate::guard::HeadOptions;
use crate::tls;

/// Where the database is and how it is used.
#[derive(Clone)]
pub struct PostgresOptions {
    /// The server, the database and the role.
    pub config: tokio_postgres::Config,
    /// How to encrypt what goes there; nothing: the server is this machine.
    pub tls: Option<ClientConfig>,
    /// What shows that the database went back; nothing: it is not looked for.
    pub head: Option<HeadOptions>,
    /// What the store is opened for.
    pub access: Access,
    /// What a database without logs is made into; nothing: a ledger's first store.
    pub birth: Option<Birth>,
    /// Where the store's identity comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Connections that read.
    pub readers: usize,
    /// How often the position is asked for, should a notification be lost.
    pub poll: Duration,
    /// A transaction that does nothing for so long is ended by the server, so that a process that was cut off
    /// cannot hold the lock of the store.
    pub idle_in_transaction: Duration,
    /// From so many events on heads are written into their table at once: about what a process reads that starts.
    pub fold_events: u64,
    /// Events are folded after so long, however few they are.
    pub fold_after: Duration,
}

impl PostgresOptions {
    /// A store in the database that `config` names, on this machine.
    pub fn new(config: tokio_postgres::Config) -> Self {
        Self {
            config,
            tls: None,
            head: None,
            access: Access::Serve,
            birth: None,
            entropy: Arc::new(OsEntropy),
            readers: READERS,
            poll: POLL,
            idle_in_transaction: IDLE,
            fold_events: FOLD_EVENTS,
            fold_after: FOLD_AFTER,
        }
    }

    /// A store in the database that a URL names: `postgres://user@host:5432/database`. What goes to another machine is
    /// encrypted, and the server's certificate checked against `ca_file` or those of the system, unless the URL says
    /// `sslmode=disable`.
    ///
    /// # Errors
    /// [`OpenError::Url`], [`OpenError::Certificates`]
    pub fn at(url: &str, ca_file: Option<&Path>) -> Result<Self, OpenError> {
        let mut config: tokio_postgres::Config = url.parse().map_err(|error| OpenError::Url(full(&error)))?;
        if config.get_dbname().is_none() {
            return Err(OpenError::Url("it names no database".to_owned()));
        }
        config.application_name("ledger").connect_timeout(CONNECT);
        // A server that is gone without a word is noticed by a connection that is silent.
        config.keepalives_idle(KEEPALIVE).tcp_user_timeout(CONNECT);
        let tls = tls::of(&mut config, ca_file)?;
        Ok(Self { tls, ..Self::new(config) })
    }
}

/// Queries of one connection are answered in turn; more let a short one pass a long one.
const READERS: usize = 4;
const CONNECT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_secs(1);
/// Longer than any pause between two statements of one commit, short enough for those who wait.
const IDLE: Duration = Duration::from_secs(5);
/// A stream's head is written once for all its events among so many; reading so many takes a fifth of a second.
const FOLD_EVENTS: u64 = 65_536;
const FOLD_AFTER: Duration = Duration::from_secs(10);

/// The most bytes of headers that wait for the committer; more callers wait for room. Bounds memory.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;
/// The most events in one commit: a round trip and a sync are shared by so many.
pub(crate) const GROUP_EVENTS_MAX: usize = 4096;
/// The most requests that wait for the committer.
pub(crate) const QUEUE_REQUESTS_MAX: usize = 8192;
/// A statement that takes longer is ended: it waits for a lock that somebody holds.
pub(crate) const STATEMENT_MS_MAX: u64 = 30_000;
