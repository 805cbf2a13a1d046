//! The handle of a probe: submit, flush, look.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ledger::clock::{Clock, Entropy, Stopwatch};
use ledger::ids::uuid_v7;
use uuid::Uuid;

use crate::config::{Config, Parts, WhenFull};
use crate::evidence::{EVIDENCE_BYTES_MAX, Evidence, EvidenceError};
use crate::kept::{Receipts, RejectedFiles};
use crate::receipt::Receipt;
use crate::sender::{Next, Outbox, Sender, SenderParts, lock};
use crate::sleeper::{Signal, Sleeper};
use crate::spool::{Spool, SpoolError};
use crate::status::Status;
use crate::transport::{BaseUrl, HttpTransport, Transport, UrlError};
use crate::trust::{Pinned, TrustError};

/// How often a blocked `submit` looks again when the disk, not the spool, is full: nothing tells when that ends.
const DISK_FULL_RETRY: Duration = Duration::from_secs(1);

/// Why a probe cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ledger's address or the certificates.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The pinned log.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The background thread.
    #[error("cannot start the sender's thread: {0}")]
    Thread(io::Error),
}

/// Why evidence was not accepted. It is not in the spool.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The ledger would refuse it.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The spool is full, or the disk refuses.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

struct Shared {
    outbox: Arc<Outbox>,
    /// Raised when there is something to send, or to stop for.
    work: Signal,
    /// Raised when something has left the spool.
    room: Signal,
    stop: AtomicBool,
    sleeper: Arc<dyn Sleeper>,
}

/// A running probe: accepts evidence and sends it in the background.
///
/// Dropping it ends the background thread after the request that is under way; what waits stays in the spool and is
/// sent by the next probe on the same directory.
pub struct Probe {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    id: Option<String>,
    when_full: WhenFull,
    dir: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("spool", &self.dir).finish_non_exhaustive()
    }
}

impl Probe {
    /// Opens the spool and starts to send what waits there.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn new(config: Config) -> Result<Self, StartError> {
        Self::with_parts(config, Parts::default())
    }

    /// [`Self::new`] with another clock, source of randomness, disk, or transport.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn with_parts(config: Config, parts: Parts) -> Result<Self, StartError> {
        let url = BaseUrl::parse(&config.url, config.allow_plain_http)?;
        let transport: Box<dyn Transport> = match parts.transport {
            Some(transport) => transport,
            None => Box::new(HttpTransport::new(&url, config.ca_file.as_ref())?),
        };
        let spool = Spool::open(&config.spool_dir, config.spool_bytes_max, parts.disk)?;
        let pinned = Pinned::open(&config.spool_dir, &config.trust)?;
        let outbox = Arc::new(Outbox { spool: spool.into(), status: Status::default().into() });
        let mut sender = Sender::new(SenderParts {
            outbox: Arc::clone(&outbox),
            transport,
            clock: Arc::clone(&parts.clock),
            entropy: Arc::clone(&parts.entropy),
            pinned,
            prefix: url.prefix,
            keyid: config.api_key.id().to_owned(),
            request_key: config.api_key.request_key(),
            probe: config.probe.clone(),
            heartbeat: config.heartbeat,
            spool_dir: config.spool_dir.clone(),
        });
        let shared = Arc::new(Shared {
            outbox,
            work: Signal::default(),
            room: Signal::default(),
            stop: AtomicBool::new(false),
            sleeper: parts.sleeper,
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("ledger-probe".to_owned())
            .spawn(move || run(&theirs, &mut sender))
            .map_err(StartError::Thread)?;
        Ok(Self {
            shared,
            clock: parts.clock,
            entropy: parts.entropy,
            id: config.probe,
            when_full: config.when_full,
            dir: config.spool_dir,
            thread: Some(thread),
        })
    }

    /// Accepts evidence: when it returns, the evidence is on disk and will reach the ledger.
    ///
    /// # Errors
    /// [`SubmitError`]; the evidence was not accepted. To repeat safely, set [`Evidence::id`].
    pub fn submit(&self, evidence: Evidence) -> Result<Uuid, SubmitError> {
        Ok(self.submit_all([evidence])?[0])
    }

    /// Accepts several pieces of evidence with one sync, all or none.
    ///
    /// # Errors
    /// [`SubmitError`]; none was accepted.
    pub fn submit_all(&self, all: impl IntoIterator<Item = Evidence>) -> Result<Vec<Uuid>, SubmitError> {
        let now = self.clock.now();
        let (mut ids, mut payloads) = (Vec::new(), Vec::new());
        for evidence in all {
            let id = uuid_v7(&*self.clock, &*self.entropy);
            let evidence = evidence.complete(id, now, self.id.as_deref());
            evidence.validate()?;
            let bytes = serde_json::to_vec(&evidence).expect("evidence holds nothing that JSON lacks");
            if bytes.len() > EVIDENCE_BYTES_MAX {
                return Err(EvidenceError::TooLarge { bytes: bytes.len() }.into());
            }
            ids.push(evidence.id.unwrap_or(id));
            payloads.push(bytes);
        }
        self.append(&payloads)?;
        self.shared.work.raise();
        Ok(ids)
    }

    fn append(&self, payloads: &[Vec<u8>]) -> Result<(), SpoolError> {
        loop {
            let seen = self.shared.room.seen();
            let refused = match lock(&self.shared.outbox.spool).append(payloads) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            let size: usize = payloads.iter().map(Vec::len).sum();
            let retry = match &refused {
                // What would not even fit an empty spool never fits.
                SpoolError::Full { limit, .. } if (size as u64) < limit / 2 => None,
                SpoolError::Io { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
                    Some(DISK_FULL_RETRY)
                }
                _ => return Err(refused),
            };
            if self.when_full == WhenFull::Error {
                return Err(refused);
            }
            self.shared.room.wait(seen, retry);
        }
    }

    /// Waits until everything submitted so far has left the spool. Is it empty?
    pub fn flush(&self, timeout: Duration) -> bool {
        let since = Stopwatch::start();
        loop {
            let seen = self.shared.room.seen();
            if lock(&self.shared.outbox.spool).depth().events == 0 {
                return true;
            }
            let Some(left) = timeout.checked_sub(since.elapsed()) else { return false };
            self.shared.room.wait(seen, Some(left));
        }
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        let depth = lock(&self.shared.outbox.spool).depth();
        let mut status = lock(&self.shared.outbox.status).clone();
        (status.waiting, status.spool_bytes) = (depth.events, depth.bytes);
        status
    }

    /// The newest receipts, newest first.
    ///
    /// # Errors
    /// The file system's.
    pub fn receipts(&self, count: usize) -> io::Result<Vec<Receipt>> {
        Receipts::of(&self.dir).newest(count)
    }

    /// Submits again what the ledger had refused, for example after the framework was imported. How many?
    ///
    /// # Errors
    /// The file system's, or a refusal by the spool.
    pub fn resubmit_rejected(&self) -> io::Result<usize> {
        let rejected = RejectedFiles::of(&self.dir).list()?;
        for (path, rejected) in &rejected {
            let bytes = serde_json::to_vec(&rejected.evidence)?;
            self.append(&[bytes]).map_err(io::Error::other)?;
            std::fs::remove_file(path)?;
        }
        self.shared.work.raise();
        Ok(rejected.len())
    }

    /// Where it keeps what waits.
    pub fn spool_dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.work.raise();
        if let Some(thread) = self.thread.take() {
            // A panic of the sender was reported on stderr already; the spool is as durable as before.
            drop(thread.join());
        }
    }
}

fn run(shared: &Shared, sender: &mut Sender) {
    while !shared.stop.load(Ordering::SeqCst) {
        let seen = shared.work.seen();
        let next = sender.step();
        shared.room.raise();
        match next {
            Next::Now => {}
            Next::After(wait) => shared.sleeper.sleep(&shared.work, seen, Some(wait)),
            Next::Idle => shared.sleeper.sleep(&shared.work, seen, None),
        }
    }
    sender.rest();
}
