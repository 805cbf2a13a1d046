//! What a probe needs to know.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ledger::apikey::{ApiKey, ApiKeyError};
use ledger::clock::{Clock, Entropy, OsEntropy, SystemClock};

use crate::sleeper::{Sleeper, SystemSleeper};
use crate::spool::disk::{Disk, OsDisk};
use crate::transport::Transport;
use crate::trust::Trust;

/// The bound of a spool unless another is set: room for some 100,000 results.
pub const SPOOL_BYTES: u64 = 256 << 20;
/// How often a probe says that it lives, unless set otherwise.
pub const HEARTBEAT: Duration = Duration::from_secs(60);

/// What `submit` does when the spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// Give an error at once.
    #[default]
    Error,
    /// Wait until there is room.
    Block,
}

/// A probe's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The ledger's address: `https://ledger.example`.
    pub url: String,
    /// The API key; it signs requests and never leaves the process.
    pub api_key: ApiKey,
    /// Where evidence waits. One directory for each running probe.
    pub spool_dir: PathBuf,
    /// The probe's id at the ledger: stands in its evidence and sends heartbeats.
    pub probe: Option<String>,
    /// How often heartbeats are sent.
    pub heartbeat: Duration,
    /// The spool's bound in bytes, at least 2 MiB.
    pub spool_bytes_max: u64,
    /// What `submit` does at the bound.
    pub when_full: WhenFull,
    /// How the log is pinned.
    pub trust: Trust,
    /// PEM file of the certificates to trust; the system's if absent.
    pub ca_file: Option<PathBuf>,
    /// Accept plain HTTP to another machine.
    pub allow_plain_http: bool,
}

impl Config {
    /// A configuration with the defaults for everything else.
    ///
    /// # Errors
    /// [`ApiKeyError`] if the key is mistyped.
    pub fn new(
        url: impl Into<String>,
        api_key: &str,
        spool_dir: impl Into<PathBuf>,
    ) -> Result<Self, ApiKeyError> {
        Ok(Self {
            url: url.into(),
            api_key: ApiKey::parse(api_key.trim())?,
            spool_dir: spool_dir.into(),
            probe: None,
            heartbeat: HEARTBEAT,
            spool_bytes_max: SPOOL_BYTES,
            when_full: WhenFull::default(),
            trust: Trust::default(),
            ca_file: None,
            allow_plain_http: false,
        })
    }

    /// Names the probe, so that its evidence counts as its own and heartbeats are sent.
    #[must_use]
    pub fn probe(mut self, id: impl Into<String>) -> Self {
        self.probe = Some(id.into());
        self
    }

    /// Sets what `submit` does when the spool is full.
    #[must_use]
    pub fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets how the log is pinned.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }
}

/// What a probe takes from the outside world; tests give their own.
pub struct Parts {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// For ids, nonces and jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Waits.
    pub sleeper: Arc<dyn Sleeper>,
    /// Where the spool writes.
    pub disk: Arc<dyn Disk>,
    /// Sends; HTTP to the configured address if absent.
    pub transport: Option<Box<dyn Transport>>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            sleeper: Arc::new(SystemSleeper),
            disk: Arc::new(OsDisk),
            transport: None,
        }
    }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}
