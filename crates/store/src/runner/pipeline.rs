//! Writes a generation that is being built on a thread of its own, so that folding and writing go on at the same time.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Page, Query, Row, RowSource, SourceError, TableDef};

use crate::views::{Claim, Generation, Progress as Folded, TenantDigests, ViewCommit, ViewError};

/// Commits that wait for the writer: one is enough to keep it busy.
const COMMITS_WAITING: usize = 1;

/// A generation whose commits return before they are written. Everything that reads waits for them, so that no one ever
/// sees rows of before. A commit that failed is told by the next call.
pub(super) struct Pipelined {
    inner: Arc<dyn Generation>,
    commits: SyncSender<ViewCommit>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    progress: Mutex<Progress>,
    written: Condvar,
}

#[derive(Default)]
struct Progress {
    waiting: usize,
    /// Why a commit failed, until it is told.
    failed: Option<ViewError>,
    /// A commit failed: nothing more is written, because later rows would stand on rows that are missing.
    broken: bool,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipelined {
    /// Starts the writer. It ends with the last commit after this was dropped.
    pub fn start(inner: Arc<dyn Generation>) -> Self {
        let (commits, receiver) = sync_channel(COMMITS_WAITING);
        let state = Arc::new(State::default());
        let (generation, told) = (Arc::clone(&inner), Arc::clone(&state));
        super::spawn("views-write", move || write(&*generation, &receiver, &told));
        Self { inner, commits, state }
    }

    /// Waits until everything is written.
    pub fn flush(&self) -> Result<(), ViewError> {
        let mut progress = self.state.lock();
        while progress.waiting > 0 {
            progress = self.state.written.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        progress.failed.take().map_or(Ok(()), Err)
    }

    fn flush_to_read(&self) -> Result<(), SourceError> {
        self.flush().map_err(|error| SourceError(Arc::new(error)))
    }
}

fn write(generation: &dyn Generation, commits: &Receiver<ViewCommit>, state: &State) {
    for commit in commits {
        let broken = state.lock().broken;
        let outcome = if broken { Ok(()) } else { generation.commit(commit) };
        let mut progress = state.lock();
        progress.waiting -= 1;
        if let Err(error) = outcome {
            progress.failed = Some(error);
            progress.broken = true;
        }
        drop(progress);
        state.written.notify_all();
    }
}

impl RowSource for Pipelined {
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        self.flush_to_read()?;
        self.inner.load(slot, tenant, key)
    }

    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError> {
        self.flush_to_read()?;
        self.inner.load_all(slot, tenant)
    }
}

impl Generation for Pipelined {
    fn claim(&self) -> Result<Claim, ViewError> {
        self.flush()?;
        self.inner.claim()
    }

    fn commit(&self, commit: ViewCommit) -> Result<(), ViewError> {
        let mut progress = self.state.lock();
        if let Some(error) = progress.failed.take() {
            return Err(error);
        }
        progress.waiting += 1;
        drop(progress);
        let gone = |_| ViewError::Unavailable("the writer of the read models is gone".to_owned());
        self.commits.send(commit).map_err(gone)
    }

    fn progress(&self, since: u64) -> Result<Folded, ViewError> {
        self.flush()?;
        self.inner.progress(since)
    }

    fn query(&self, query: &Query) -> Result<Page, ViewError> {
        self.flush()?;
        self.inner.query(query)
    }

    fn row(
        &self,
        table: &'static TableDef,
        tenant: &TenantId,
        key: &[Cell],
    ) -> Result<Option<Row>, ViewError> {
        self.flush()?;
        self.inner.row(table, tenant, key)
    }

    fn digests(&self, tenant: &TenantId) -> Result<TenantDigests, ViewError> {
        self.flush()?;
        self.inner.digests(tenant)
    }
}
