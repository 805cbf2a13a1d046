//! The store: what callers hold.

use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use async_trait::async_trait;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use ledger_store::{
    Append, CommandReceipt, EventStore, LogHead, Page, Read, StoreError, StreamHead, Verdict,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::checkpointer::Checkpointer;
use crate::committer::{AppendRequest, Committer, Request, SideJob};
use crate::core::{Core, SharedNames};
use crate::error::{CoreError, OpenError};
use crate::lock::DirectoryLock;
use crate::open::Opener;
use crate::options::{QUEUE_BYTES_MAX, QUEUE_REQUESTS_MAX, StoreOptions};
use crate::portable::Order;
use crate::readers::Readers;
use crate::side::Blobs;

/// What the threads of one store share.
pub(crate) struct Shared {
    pub names: SharedNames,
    pub position: watch::Sender<u64>,
}

impl Shared {
    /// Tells subscribers how far the store is.
    pub fn announce(&self, position: u64) {
        self.position.send_if_modified(|known| std::mem::replace(known, position) != position);
    }
}

/// The event store on SQLite. Closing it ends its threads after what waits is done.
pub struct SqliteStore {
    requests: Option<mpsc::Sender<Request>>,
    /// Bytes that may wait, in units of 1 KiB.
    room: Arc<Semaphore>,
    pub(crate) readers: Readers,
    pub(crate) blobs: Blobs,
    shared: Arc<Shared>,
    committer: Option<JoinHandle<()>>,
    _lock: DirectoryLock,
}

const ROOM_UNITS: u32 = (QUEUE_BYTES_MAX >> 10) as u32;

impl SqliteStore {
    /// Opens the store of a data directory, which must exist, and holds it against its head file. Blocks.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do; nothing has been changed then.
    pub fn open(options: StoreOptions) -> Result<Self, OpenError> {
        let lock = DirectoryLock::take(&options.lock())?;
        let names: SharedNames = Arc::new(RwLock::default());
        let opener = Opener::new(options.clone());
        let core = opener.open(&names)?;
        let readers = Readers::open(&options.database(), options.readers)?;
        let blobs = Blobs::open(options.blobs()).map_err(|error| OpenError::Io {
            path: options.blobs(),
            reason: format!("{error}; the data directory must be writable"),
        })?;
        let shared = Arc::new(Shared { names, position: watch::Sender::new(core.position()) });
        let (sender, requests) = mpsc::channel(QUEUE_REQUESTS_MAX);
        let checkpointer = Checkpointer::start(&options.database())?;
        let committer = Committer::new(opener, core, shared.clone(), requests, checkpointer);
        let thread = std::thread::Builder::new().name("committer".to_owned());
        let handle = thread.spawn(move || committer.run()).map_err(|error| OpenError::Io {
            path: options.data_dir.clone(),
            reason: format!("cannot start the committer's thread: {error}"),
        })?;
        Ok(Self {
            requests: Some(sender),
            room: Arc::new(Semaphore::new(ROOM_UNITS as usize)),
            readers,
            blobs,
            shared,
            committer: Some(handle),
            _lock: lock,
        })
    }

    fn sender(&self) -> Result<&mpsc::Sender<Request>, StoreError> {
        self.requests.as_ref().ok_or(StoreError::Closed)
    }

    /// Asks the committer for appends.
    pub(crate) async fn request(
        &self,
        appends: Vec<Append>,
        order: Order,
    ) -> Result<Vec<Verdict>, StoreError> {
        let room = self.room.clone().acquire_many_owned(units(&appends)).await;
        let room = room.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let request = Request::Append(AppendRequest { appends, order, reply, _room: room });
        self.sender()?.send(request).await.map_err(|_| StoreError::Closed)?;
        // The committer died in the middle: whether it had committed cannot be said.
        let unknown = || StoreError::OutcomeUnknown { reason: "the committer has stopped".to_owned() };
        answer.await.map_err(|_| unknown())?
    }

    /// Runs a change of side data on the committer's thread.
    pub(crate) async fn side<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Core) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.change(|core| {
            core.writable()?;
            change(core)
        })
        .await
    }

    /// Runs any change on the committer's thread.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Core) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: SideJob = Box::new(move |core| {
            let (answer, done) = match core.map(change) {
                Ok(Ok(value)) => (Ok(value), Ok(())),
                // The caller's mistake leaves the core as it was.
                Ok(Err(CoreError::Invalid(reason))) => (Err(StoreError::Invalid { reason }), Ok(())),
                Ok(Err(CoreError::NotLive(reason))) => (Err(StoreError::NotLive { reason }), Ok(())),
                Ok(Err(error)) => (Err(error.nothing_happened()), Err(error)),
                Err(error) => (Err(error), Ok(())),
            };
            drop(reply.send(answer));
            done
        });
        self.sender()?.send(Request::Side(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(committer) = self.committer.take() {
            // It has panicked or ended; either way nothing is left to wait for.
            drop(committer.join());
        }
    }
}

/// What an append weighs in the queue.
fn units(appends: &[Append]) -> u32 {
    let bytes = |append: &Append| append.events().iter().map(|event| event.header.len() + 512).sum::<usize>();
    let kib = appends.iter().map(bytes).sum::<usize>() >> 10;
    // One call that is larger than the whole queue waits until it has it for itself.
    u32::try_from(kib + 1).unwrap_or(ROOM_UNITS).min(ROOM_UNITS)
}

#[async_trait]
impl EventStore for SqliteStore {
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        self.request(appends, Order::ByTenant).await
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        let names = self.shared.names.clone();
        self.readers.run(move |conn| crate::read::read(conn, &names, &query)).await
    }

    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError> {
        let tenant = tenant.clone();
        self.readers.run(move |conn| crate::read::log_head(conn, &tenant)).await
    }

    async fn stream_head(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<Option<StreamHead>, StoreError> {
        let (tenant, stream) = (tenant.clone(), stream.clone());
        self.readers.run(move |conn| crate::read::stream_head(conn, &tenant, &stream)).await
    }

    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        let (tenant, tile) = (tenant.clone(), *tile);
        self.readers.run(move |conn| crate::read::tile(conn, &tenant, tile)).await
    }

    async fn command(
        &self,
        tenant: &TenantId,
        command: &CommandId,
    ) -> Result<Option<CommandReceipt>, StoreError> {
        let (tenant, command) = (tenant.clone(), command.clone());
        self.readers.run(move |conn| crate::read::command(conn, &tenant, &command)).await
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.position.subscribe()
    }
}
