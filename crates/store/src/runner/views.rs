//! The read side as others use it.

use std::sync::Arc;
use std::time::Duration;

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Cursor, LogState, Poisoned, Query, ReadModels, TypedRow};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::build::{BuildProgress, Builder, RebuildReport};
use super::follow::{Follower, Switch};
use super::shared::{Behind, Role, RunnerStatus, Shared};
use super::{RunError, RunnerOptions};
use crate::contract::EventStore;
use crate::views::{Generation, TenantDigests, ViewError, ViewStore};

/// A page of typed rows.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedPage<T> {
    /// The rows, in order.
    pub rows: Vec<T>,
    /// Where the next page begins; nothing: this is the last one. See [`ledger::readmodel::Page::next`].
    pub next: Option<Cursor>,
}

type TellProgress = Box<dyn Fn(BuildProgress) + Send + Sync>;
type ReplyTo = oneshot::Sender<Result<RebuildReport, ViewError>>;
/// Starts a rebuild. The kind of events that are folded is hidden in it, so that [`Views`] need not know it.
type Rebuild = dyn Fn(TellProgress, ReplyTo) + Send + Sync;

/// The read models and the runner that keeps them up to date. Clones share both; the runner stops with
/// [`Views::stop`], or with the last of them.
#[derive(Clone)]
pub struct Views {
    store: Arc<dyn ViewStore>,
    head: watch::Receiver<u64>,
    shared: Arc<Shared>,
    stop: Arc<watch::Sender<bool>>,
    rebuild: Arc<Rebuild>,
}

impl Views {
    /// Starts the runner, which at once follows the current generation, or builds one.
    ///
    /// Must be called within a tokio runtime, which the runner's threads use to wait for events.
    pub fn start<M: ReadModels>(
        models: Arc<M>,
        events: Arc<dyn EventStore>,
        store: Arc<dyn ViewStore>,
        options: RunnerOptions,
    ) -> Self {
        let shared = Arc::new(Shared::new());
        let (stop, stopping) = watch::channel(false);
        let (send_switch, switches) = mpsc::unbounded_channel();
        let head = events.subscribe();
        let hurry = Arc::clone(&shared.hurry);
        let builder = move |runtime: Handle, store: &Arc<dyn ViewStore>| Builder {
            runtime,
            models: Arc::clone(&models),
            events: Arc::clone(&events),
            store: Arc::clone(store),
            hurry: Arc::clone(&hurry),
            stop: stopping.clone(),
        };
        let runtime = Handle::current();
        let follower =
            Follower::new(builder(runtime.clone(), &store), Arc::clone(&shared), options, switches);
        super::spawn("views-fold", move || follower.run());
        let rebuild =
            rebuild_on_a_thread(store.clone(), move |store| builder(runtime.clone(), store), send_switch);
        Self { store, head, shared, stop: Arc::new(stop), rebuild }
    }

    /// The rows that a query finds, in typed form.
    ///
    /// # Errors
    /// The query cannot be asked, the read models are not built, or the storage fails.
    pub async fn list<T: TypedRow + Send + 'static>(&self, query: Query) -> Result<TypedPage<T>, ViewError> {
        debug_assert!(std::ptr::eq(query.table, T::TABLE), "the query is of another table");
        self.read(move |generation| {
            let page = generation.query(&query)?;
            let rows = page.rows.iter().map(|row| typed(row)).collect::<Result<_, _>>()?;
            Ok(TypedPage { rows, next: page.next })
        })
        .await
    }

    /// The row with this key, in typed form.
    ///
    /// # Errors
    /// The read models are not built, or the storage fails.
    pub async fn get<T: TypedRow + Send + 'static>(
        &self,
        tenant: &TenantId,
        key: impl Into<Vec<Cell>>,
    ) -> Result<Option<T>, ViewError> {
        let (tenant, key) = (tenant.clone(), key.into());
        self.read(move |generation| {
            let row = generation.row(T::TABLE, &tenant, &key)?;
            row.map(|row| typed(&row)).transpose()
        })
        .await
    }

    /// Reads several things from one generation, where blocking is allowed. What one call of the generation gives is
    /// from one state; two calls may see a commit between them.
    ///
    /// # Errors
    /// The read models are not built, or what `read` gives.
    pub async fn read<R: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Generation) -> Result<R, ViewError> + Send + 'static,
    ) -> Result<R, ViewError> {
        let generation = self.store.current().ok_or(ViewError::NotBuilt)?;
        tokio::task::spawn_blocking(move || read(&*generation))
            .await
            .unwrap_or_else(|error| Err(ViewError::Unavailable(error.to_string())))
    }

    /// The digests of a tenant's read models, and how much of its log they stand for.
    ///
    /// # Errors
    /// The read models are not built, or the storage fails.
    pub async fn digests(&self, tenant: &TenantId) -> Result<TenantDigests, ViewError> {
        let tenant = tenant.clone();
        self.read(move |generation| generation.digests(&tenant)).await
    }

    /// How far a tenant's log was folded: the tree head of that size is what its read models derive from.
    pub fn log(&self, tenant: &TenantId) -> LogState {
        self.shared.log(tenant)
    }

    /// The position of the last event folded; changes after each commit.
    pub fn position(&self) -> watch::Receiver<u64> {
        self.shared.position.subscribe()
    }

    /// Events that are committed but not folded.
    pub fn lag(&self) -> u64 {
        self.head.borrow().saturating_sub(*self.shared.position.borrow())
    }

    /// How the runner does; changes are told.
    pub fn status(&self) -> watch::Receiver<RunnerStatus> {
        self.shared.status.subscribe()
    }

    /// Who folds; changes are told.
    pub fn role(&self) -> watch::Receiver<Role> {
        self.shared.role.subscribe()
    }

    /// Everything in quarantine.
    pub fn poisoned(&self) -> Vec<Poisoned> {
        self.shared.poisoned()
    }

    /// Waits until the event with this index of a tenant's log is folded (`Ledger-Min-Index`).
    ///
    /// # Errors
    /// It was not, within that time.
    pub async fn wait_for_index(
        &self,
        tenant: &TenantId,
        index: u64,
        within: Duration,
    ) -> Result<(), Behind> {
        self.shared.wait(index.saturating_add(1), within, |shared| shared.log(tenant).size).await
    }

    /// Waits until everything up to a position of the store is folded.
    ///
    /// # Errors
    /// It was not, within that time.
    pub async fn wait_for_position(&self, position: u64, within: Duration) -> Result<(), Behind> {
        self.shared.wait(position, within, |shared| *shared.position.borrow()).await
    }

    /// Builds new read models from all events beside the current ones, compares the digests of both, and puts the new
    /// ones in their place. `progress` is called from another thread. A process that watches may do so too: whoever
    /// folds goes on with the new ones.
    ///
    /// # Errors
    /// The build failed; the current read models stay.
    pub async fn rebuild(
        &self,
        progress: impl Fn(BuildProgress) + Send + Sync + 'static,
    ) -> Result<RebuildReport, ViewError> {
        let (reply, answer) = oneshot::channel();
        (self.rebuild)(Box::new(progress), reply);
        answer.await.unwrap_or_else(|_| Err(ViewError::Unavailable(RunError::Stopped.to_string())))
    }

    /// Stops the runner after the commit in hand, and waits for that.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut status = self.status();
        // The sender lives in `self.shared`: the wait ends with the status.
        let _ = status.wait_for(|status| matches!(status, RunnerStatus::Stopped { .. })).await;
    }
}

fn typed<T: TypedRow>(row: &[Cell]) -> Result<T, ViewError> {
    T::from_row(row)
        .ok_or_else(|| ViewError::Corrupt(format!("a row of {} has another shape", T::TABLE.name)))
}

fn rebuild_on_a_thread<M: ReadModels>(
    store: Arc<dyn ViewStore>,
    builder: impl Fn(&Arc<dyn ViewStore>) -> Builder<M> + Send + Sync + 'static,
    switches: mpsc::UnboundedSender<Switch<M>>,
) -> Arc<Rebuild> {
    Arc::new(move |progress, reply| {
        let (builder, switches) = (builder(&store), switches.clone());
        super::spawn("views-build", move || match builder.build(&*progress) {
            // If the runner is gone, so is the receiver: dropping the reply says so.
            Ok(green) => drop(switches.send(Switch { green, reply })),
            Err(RunError::Views(error)) => drop(reply.send(Err(error))),
            Err(error) => drop(reply.send(Err(ViewError::Unavailable(error.to_string())))),
        });
    })
}
