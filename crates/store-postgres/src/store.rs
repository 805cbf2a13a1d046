//! The store: what callers hold.

use std::sync::Arc;

use async_trait::async_trait;
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger::tile::TileId;
use ledger_store::{
    Append, CommandReceipt, EventStore, LogHead, Page, Read, StoreError, StreamHead, Verdict,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::committer::{AppendRequest, Committer, committed};
use crate::connect::{bring_up, check, connect};
use crate::error::{OpenError, PgError};
use crate::fold;
use crate::guard::Guard;
use crate::heads::Heads;
use crate::listen;
use crate::logs::read_tile;
use crate::names::{self, SharedNames};
use crate::options::{PostgresOptions, QUEUE_BYTES_MAX, QUEUE_REQUESTS_MAX};
use crate::portable;
use crate::readers::Readers;

/// The event store on PostgreSQL. Any number of processes may have one on the same database.
pub struct PostgresStore {
    requests: mpsc::Sender<AppendRequest>,
    /// Bytes that may wait, in units of 1 KiB.
    room: Arc<Semaphore>,
    pub(crate) readers: Readers,
    names: SharedNames,
    pub(crate) guard: Arc<Guard>,
    heads: Arc<Heads>,
    position: watch::Sender<u64>,
    /// What follows the store, and what folds heads: both end with it.
    tasks: [tokio::task::JoinHandle<()>; 2],
    pub(crate) options: PostgresOptions,
}

const ROOM_UNITS: u32 = (QUEUE_BYTES_MAX >> 10) as u32;

impl PostgresStore {
    /// Connects, checks the server, brings the schema up to date, and starts the tasks of the store.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do.
    pub async fn open(options: PostgresOptions) -> Result<Self, OpenError> {
        let mut client = connect(&options).await?;
        check(&client).await?;
        bring_up(&mut client, &*options.entropy).await?;
        let failed = |error: PgError| OpenError::Statement { what: "loading", reason: error.to_string() };
        if let Some(birth) = &options.birth {
            portable::be_born(&client, birth).await.map_err(failed)?;
        }
        portable::admit(&client, options.access).await?;
        let names: SharedNames = Arc::default();
        names::publish(&names, names::load(&client).await.map_err(failed)?);
        let position = watch::Sender::new(committed(&client).await.map_err(failed)?);
        let heads = Arc::new(Heads::new());
        let readers = Readers::open(&options, heads.clone()).await?;
        let guard = Arc::new(Guard::open(&client, options.head.as_ref()).await?);
        let (requests, receiver) = mpsc::channel(QUEUE_REQUESTS_MAX);
        let told = position.clone();
        let announce = Arc::new(move |reached| listen::announce(&told, reached));
        // Ends when the store is dropped and what waits is done.
        let committer =
            Committer::new(options.clone(), names.clone(), guard.clone(), heads.clone(), announce);
        tokio::spawn(committer.run(receiver));
        let tasks = [
            tokio::spawn(listen::follow(options.clone(), position.clone())),
            tokio::spawn(fold::fold(options.clone(), heads.clone())),
        ];
        let room = Arc::new(Semaphore::new(ROOM_UNITS as usize));
        Ok(Self { requests, room, readers, names, guard, heads, position, tasks, options })
    }

    /// A connection that reads.
    pub(crate) async fn client(&self) -> Result<Arc<tokio_postgres::Client>, StoreError> {
        self.readers.client().await.map_err(|error| error.nothing_happened())
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// What appends weigh in the queue.
fn units(appends: &[Append]) -> u32 {
    let bytes = |append: &Append| append.events().iter().map(|event| event.header.len() + 512).sum::<usize>();
    let kib = appends.iter().map(bytes).sum::<usize>() >> 10;
    // One call that is larger than the whole queue waits until it has it for itself.
    u32::try_from(kib + 1).unwrap_or(ROOM_UNITS).min(ROOM_UNITS)
}

/// The error of a question: nothing has happened.
pub(crate) fn asked<T>(answer: Result<T, PgError>) -> Result<T, StoreError> {
    answer.map_err(|error| error.nothing_happened())
}

#[async_trait]
impl EventStore for PostgresStore {
    async fn append(&self, appends: Vec<Append>) -> Result<Vec<Verdict>, StoreError> {
        let room = self.room.clone().acquire_many_owned(units(&appends)).await;
        let _room = room.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let request = AppendRequest { appends, reply, _room };
        self.requests.send(request).await.map_err(|_| StoreError::Closed)?;
        let unknown = || StoreError::OutcomeUnknown { reason: "the committer has stopped".to_owned() };
        answer.await.map_err(|_| unknown())?
    }

    async fn read(&self, query: Read) -> Result<Page, StoreError> {
        let client = self.client().await?;
        asked(crate::read::read(&client, (&self.names, &self.heads), &query).await)
    }

    async fn log_head(&self, tenant: &TenantId) -> Result<Option<LogHead>, StoreError> {
        let client = self.client().await?;
        asked(crate::read::log_head(&client, tenant).await)
    }

    async fn stream_head(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<Option<StreamHead>, StoreError> {
        let client = self.client().await?;
        asked(crate::read::stream_head(&client, &self.heads, tenant, stream).await)
    }

    async fn tile(&self, tenant: &TenantId, tile: &TileId) -> Result<Option<Vec<u8>>, StoreError> {
        let client = self.client().await?;
        let Some(log) = asked(crate::read::log(&client, tenant).await)? else { return Ok(None) };
        if !tile.exists_in(log.size) {
            return Ok(None);
        }
        asked(read_tile(&client, log.id, log.size, *tile).await)
    }

    async fn command(
        &self,
        tenant: &TenantId,
        command: &CommandId,
    ) -> Result<Option<CommandReceipt>, StoreError> {
        let client = self.client().await?;
        asked(crate::read::command(&client, tenant, command).await)
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }
}
