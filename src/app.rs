//! What every handler has at hand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ledger::clock::{Clock, Entropy};
use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Page, Query, Row, TableDef};
use ledger_queue_nats::Queue;
use ledger_store::bootstrap::{Bootstrap, OpenLog};
use ledger_store::executor::Executor;
use ledger_store::keyring::Keyring;
use ledger_store::leases::Duties;
use ledger_store::runner::{RunnerStatus, Views};
use ledger_store::{EventStore, Portable, SideStore};
use tokio::sync::{Notify, watch};

use crate::auth::table::{Entry, Table};
use crate::config::Config;
use crate::connect::live::Connect;
use crate::error::{ApiError, INVALID, UNAVAILABLE};
use crate::http::metrics::Metrics;
use crate::runtime::directory::Catalogue;
use crate::runtime::erasure::ErasureList;
use crate::runtime::node::Role;
use crate::runtime::witness::Witnesses;

/// How long a handler waits for the directory to fold what was just committed.
const FOLD_WAIT: Duration = Duration::from_secs(10);
/// How long a reader of the console waits to see what he did.
const SHOWN_WAIT: Duration = Duration::from_secs(2);

/// Clocks are set back by so much, in seconds, in the normal course of things.
const CLOCK_BACK_S_MAX: i64 = 5;

/// The running ledger.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The ledger's name.
    pub name: String,
    /// What this process is there for.
    pub role: Role,
    /// What this process does as the only one.
    pub duties: Arc<Duties>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// The events.
    pub store: Arc<dyn EventStore>,
    /// What lives beside them.
    pub side: Arc<dyn SideStore>,
    /// What a copy of the store needs; nothing: it cannot be copied.
    pub portable: Option<Arc<dyn Portable>>,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Carries commands out.
    pub executor: Executor,
    /// Makes logs.
    pub bootstrap: Bootstrap,
    /// The read models.
    pub views: Views,
    /// Who may call.
    pub credentials: Arc<Table>,
    /// Which controls exist.
    pub catalogue: Arc<Catalogue>,
    /// The position up to which credentials and catalogue are folded.
    pub directory: watch::Receiver<u64>,
    /// Someone waits for the directory.
    pub directory_hurry: Arc<Notify>,
    /// The position up to which reactors have reacted.
    pub reacted: watch::Sender<u64>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The logs that can be written.
    pub logs: RwLock<HashMap<TenantId, OpenLog>>,
    /// Integrations at work.
    pub connect: Connect,
    /// Where work waits for a worker; nothing: in the log alone, or this process does none.
    pub queue: Option<Arc<Queue>>,
    /// Did the store fail to take the last command?
    pub store_in_trouble: AtomicBool,
    /// Whose data is erased, outside of backups.
    pub erasures: ErasureList,
    /// Who cosigns the system log's checkpoints.
    pub witnesses: Option<Arc<Witnesses>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("name", &self.name).finish_non_exhaustive()
    }
}

impl App {
    /// A tenant's log.
    ///
    /// # Errors
    /// `not-found`
    pub fn log(&self, tenant: &TenantId) -> Result<OpenLog, ApiError> {
        let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
        logs.get(tenant).cloned().ok_or_else(|| ApiError::not_found(format!("tenant {tenant}")))
    }

    /// The tenant that an operator acts for unless he says otherwise: the first one.
    pub fn first_tenant(&self) -> TenantId {
        let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
        let first = logs.values().filter(|log| log.info.slot.is_some()).min_by_key(|log| log.info.slot);
        first.map_or_else(TenantId::system, |log| log.info.tenant.clone())
    }

    /// Waits until credentials and catalogue are folded up to `position`.
    ///
    /// # Errors
    /// `unavailable`, if that takes too long: what was committed stays committed.
    pub async fn directory_at(&self, position: u64) -> Result<(), ApiError> {
        let mut reached = self.directory.clone();
        if *reached.borrow() < position {
            self.directory_hurry.notify_one();
        }
        let waiting = reached.wait_for(|reached| *reached >= position);
        match tokio::time::timeout(FOLD_WAIT, waiting).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                Err(ApiError::new(UNAVAILABLE, "the change is committed, but is not in force yet")
                    .retry_after(1))
            }
        }
    }

    /// Waits until the read models have folded an entry of a tenant's log.
    ///
    /// # Errors
    /// `invalid`: the log has no such entry; `unavailable`: the read models are too far behind.
    pub async fn folded(&self, tenant: &TenantId, index: u64) -> Result<(), ApiError> {
        let mut position = self.views.position();
        let behind = || self.views.log(tenant).size <= index;
        if !behind() {
            return Ok(());
        }
        let size = self.store.log_head(tenant).await?.map_or(0, |head| head.size);
        if index >= size {
            return Err(ApiError::new(
                INVALID,
                format!("the log has {size} entries, so none of index {index}"),
            ));
        }
        let waiting = async { while behind() && position.changed().await.is_ok() {} };
        match tokio::time::timeout(FOLD_WAIT, waiting).await {
            Ok(()) => Ok(()),
            Err(_) => {
                let detail = format!("the read models have not folded entry {index} yet");
                Err(ApiError::new(UNAVAILABLE, detail).retry_after(1))
            }
        }
    }

    /// Waits until the read models have folded what is committed now, but not for long: they may stand still.
    pub async fn caught_up(&self) {
        let committed = *self.store.subscribe().borrow();
        let mut folded = self.views.position();
        let waiting = folded.wait_for(|folded| *folded >= committed);
        drop(tokio::time::timeout(SHOWN_WAIT, waiting).await);
    }

    /// A credential of the caller's tenant.
    ///
    /// # Errors
    /// `not-found`, also for one of another tenant.
    pub fn credential_of(&self, tenant: &TenantId, id: &str) -> Result<Arc<Entry>, ApiError> {
        let entry = self.credentials.get(id).filter(|entry| entry.principal.tenant == *tenant);
        entry.ok_or_else(|| ApiError::not_found(format!("credential {id}")))
    }

    /// Answers a query off the async threads.
    ///
    /// # Errors
    /// The query cannot be asked (a mistake of the request) or the read models fail.
    pub async fn query(&self, query: Query) -> Result<Page, ApiError> {
        Ok(self.views.read(move |models| models.query(&query)).await?)
    }

    /// One row of a read model.
    ///
    /// # Errors
    /// The read models fail.
    pub async fn row(
        &self,
        table: &'static TableDef,
        tenant: &TenantId,
        key: Vec<Cell>,
    ) -> Result<Option<Row>, ApiError> {
        let tenant = tenant.clone();
        Ok(self.views.read(move |models| models.row(table, &tenant, &key)).await?)
    }

    /// Events that the reactors have not looked at yet; nothing where another process reacts.
    pub fn reaction_lag(&self) -> Option<u64> {
        let reacts = self.role.works() && self.duties.holds("reactors");
        reacts.then(|| self.store.subscribe().borrow().saturating_sub(*self.reacted.borrow()))
    }

    /// What keeps the ledger from doing its work, in words.
    pub fn problems(&self) -> Vec<String> {
        let store = self.store_in_trouble.load(Ordering::Relaxed);
        let store = store.then(|| "the store could not take the last command; the log says why".to_owned());
        let views = match &*self.views.status().borrow() {
            RunnerStatus::Following => None,
            RunnerStatus::Building { done, total } => {
                Some(format!("the read models are being built: {done} of {total} events"))
            }
            RunnerStatus::Retrying { reason } => Some(format!("the read models are held up: {reason}")),
            RunnerStatus::Stopped { reason } => Some(format!("the read models are not followed: {reason}")),
        };
        store.into_iter().chain(views).chain(self.witness_troubles().0).collect()
    }

    /// What should be looked at though the ledger works, in words.
    pub fn warnings(&self) -> Vec<String> {
        let logs = self.logs.read().unwrap_or_else(PoisonError::into_inner);
        let newest = logs.keys().map(|tenant| self.views.log(tenant).as_of).max();
        let behind =
            newest.map_or(0, |newest| newest.micros().saturating_sub(self.clock.now().micros())) / 1_000_000;
        let clock = (behind > CLOCK_BACK_S_MAX).then(|| {
            format!("the clock is {behind} s behind the newest event: set it right; until then evidence may be refused as of the future")
        });
        let queue = self.queue.as_ref().and_then(|queue| {
            let trouble = queue.standing().borrow().trouble.clone()?;
            Some(format!("the queue does not work, and work waits in the ledger: {trouble}"))
        });
        clock.into_iter().chain(queue).chain(self.witness_troubles().1).collect()
    }

    /// What witnesses that do not cosign say: those that contradict the ledger, and the others.
    fn witness_troubles(&self) -> (Vec<String>, Vec<String>) {
        self.witnesses.as_ref().map(|witnesses| witnesses.troubles()).unwrap_or_default()
    }

    /// Notes whether the store takes commands: `/readyz` tells it.
    pub fn note_store(&self, failed: bool) {
        // Read first: all requests share this word, and it hardly ever changes.
        if self.store_in_trouble.load(Ordering::Relaxed) != failed {
            self.store_in_trouble.store(failed, Ordering::Relaxed);
        }
    }
}
