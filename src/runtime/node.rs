//! Opening the ledger: lock, keys, store, logs, read models, then everything that runs beside the requests.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ledger::clock::{BufferedEntropy, Clock, Entropy, SystemClock};
use ledger::ids::TenantId;
use ledger::readmodel::Poisoned;
use ledger::secretbox::Kek;
use ledger_projections::LedgerModels;
use ledger_queue_nats::Queue;
use ledger_store::bootstrap::{Bootstrap, ledger_name};
use ledger_store::checkpointer::Checkpointer;
use ledger_store::executor::Executor;
use ledger_store::keyring::Keyring;
use ledger_store::leases::Duties;
use ledger_store::runner::{RunnerOptions, RunnerStatus, Views};
use ledger_store::{EventStore, StoreError};
use ledger_store_sqlite::DirectoryLock;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::backend::{self, Backend};
use super::directory::{Catalogue, Directory};
use super::erasure::ErasureList;
use super::witness::{self, Witnesses};
use super::{anchor, react, watch as deadlines};
use crate::app::App;
use crate::auth::table::Table;
use crate::config::Config;
use crate::connect::live::Connect;
use crate::connect::{dispatch, offer, schedule};
use crate::http::metrics::Metrics;

/// What a process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Both of the others.
    All,
    /// It answers requests; the work is done by others.
    Serve,
    /// It does the work: reactors, deadlines, anchors, schedules, and what is to be brought about in other systems.
    Work,
}

impl Role {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Serve => "serve",
            Self::Work => "work",
        }
    }

    /// Does it do the work?
    pub const fn works(self) -> bool {
        matches!(self, Self::All | Self::Work)
    }
}

/// An open ledger and what runs for it.
pub struct Node {
    /// What handlers have at hand.
    pub app: Arc<App>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    /// Keeps the leases until everything that they are for has ended.
    leases: tokio::task::JoinHandle<()>,
    leases_end: watch::Sender<bool>,
    _lock: Option<DirectoryLock>,
}

impl Node {
    /// Opens the configured ledger; at the first start makes it.
    ///
    /// # Errors
    /// Each says what is wrong and how to mend it: the directory is held by another process, cannot be written, lacks its
    /// key file, its database does not fit its head file, or a witness has seen more or cannot be asked.
    pub async fn open(config: Config, role: Role) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(BufferedEntropy::default());
        let witnesses = Witnesses::configured(&config)?.map(Arc::new);
        let Backend { events, side, portable, leases, shared, kek, lock } = Backend::open(&config).await?;
        let duties = Arc::new(Duties::new(leases, backend::holder(&*clock, &*entropy), !shared));
        let keyring = Arc::new(Keyring::new(Arc::clone(&side), Kek::new(&kek), Arc::clone(&entropy)));
        let bootstrap = Bootstrap {
            store: Arc::clone(&events),
            side: Arc::clone(&side),
            keyring: Arc::clone(&keyring),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        let logs = duties.alone("start", bootstrap.open(&config.ledger.name)).await??;
        let name = logs.first().map(|log| ledger_name(&log.info).to_owned()).unwrap_or_default();
        if let (Some(witnesses), Some(keys)) = (&witnesses, keyring.log(&TenantId::system())) {
            witnesses.check_at_start(&*events, &*side, &keys).await?;
        }
        let pepper = keyring.own_secret(&TenantId::system(), "pepper").await?;
        let credentials = Arc::new(Table::new(Arc::clone(&clock), *pepper));
        let catalogue = Arc::new(Catalogue::default());
        let executor = Executor::new(
            Arc::clone(&events),
            Arc::clone(&keyring),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        );
        let (stop, stopped) = watch::channel(false);
        let (leases_end, end) = watch::channel(false);
        let leases = tokio::spawn(Arc::clone(&duties).keep(end));
        let views = follow_views(&config, &events, &duties).await?;
        let place = config.queue.place()?.filter(|_| role.works());
        let queue = place.map(|place| Arc::new(Queue::start(place, &name)));
        let (reached, directory) = watch::channel(0);
        let app = Arc::new(App {
            name,
            role,
            clock,
            entropy,
            store: Arc::clone(&events),
            side: Arc::clone(&side),
            portable,
            keyring: Arc::clone(&keyring),
            executor,
            bootstrap,
            views,
            credentials: Arc::clone(&credentials),
            catalogue: Arc::clone(&catalogue),
            directory,
            directory_hurry: Arc::default(),
            reacted: watch::channel(0).0,
            metrics: Arc::new(Metrics::default()),
            logs: RwLock::new(logs.into_iter().map(|log| (log.info.tenant.clone(), log)).collect()),
            connect: Connect::new(&config)?,
            queue,
            store_in_trouble: AtomicBool::new(false),
            erasures: ErasureList::at(config.erasure_list()),
            witnesses,
            duties: Arc::clone(&duties),
            config,
        });
        app.apply_erasures().await.map_err(|error| anyhow!("the erasure list: {}", error.detail))?;
        let directory = Directory::new(Arc::clone(&app));
        let from = directory.start().await?;
        let mut node = Self { app, tasks: JoinSet::new(), stop, leases, leases_end, _lock: lock };
        node.start(directory, from, reached, &stopped);
        Ok(node)
    }

    fn start(
        &mut self,
        directory: Directory,
        from: u64,
        reached: watch::Sender<u64>,
        stopped: &watch::Receiver<bool>,
    ) {
        let app = Arc::clone(&self.app);
        self.tasks.spawn(directory.follow(from, reached, stopped.clone()));
        self.tasks.spawn(tell_duties(Arc::clone(&app.duties), stopped.clone()));
        // Receipts need checkpoints whoever is there.
        self.duty("checkpoints", stopped, move |_, stop| checkpoints(Arc::clone(&app), stop));
        if !self.app.role.works() {
            return;
        }
        let app = Arc::clone(&self.app);
        self.duty("reactors", stopped, move |epoch, stop| react::run(Arc::clone(&app), epoch, stop));
        let app = Arc::clone(&self.app);
        self.duty("deadlines", stopped, move |_, stop| deadlines::run(Arc::clone(&app), stop));
        let app = Arc::clone(&self.app);
        self.duty("anchors", stopped, move |_, stop| anchor::run(Arc::clone(&app), stop));
        let app = Arc::clone(&self.app);
        self.duty("schedules", stopped, move |_, stop| schedule::run(Arc::clone(&app), stop));
        if let Some(witnesses) = &self.app.witnesses {
            let (app, witnesses) = (Arc::clone(&self.app), Arc::clone(witnesses));
            self.duty(witness::DUTY, stopped, move |epoch, stop| {
                witness::run(Arc::clone(&app), Arc::clone(&witnesses), epoch, stop)
            });
        }
        if let Some(queue) = &self.app.queue {
            let (app, queue) = (Arc::clone(&self.app), Arc::clone(queue));
            self.duty(offer::DUTY, stopped, move |_, stop| {
                offer::run(Arc::clone(&app), Arc::clone(&queue), stop)
            });
        }
        // Shared by integration: each has a duty of its own.
        self.tasks.spawn(dispatch::run(Arc::clone(&self.app), stopped.clone()));
    }

    fn duty<F>(
        &mut self,
        name: &'static str,
        stopped: &watch::Receiver<bool>,
        work: impl Fn(u64, watch::Receiver<bool>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(Arc::clone(&self.app.duties).perform(name, stopped.clone(), work));
    }

    /// Ends what runs, in order: nothing that was acknowledged is lost at any point of it.
    pub async fn close(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.app.views.stop().await;
        self.leases_end.send_replace(true);
        // It ends by itself now; a panic in it was told already.
        drop(self.leases.await);
    }
}

async fn tell_duties(duties: Arc<Duties>, mut stop: watch::Receiver<bool>) {
    let mut changed = duties.changed();
    loop {
        tokio::select! {
            Ok(()) = changed.changed() => tracing::info!(held = duties.held().join(", "), "duties changed hands"),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn checkpoints(app: Arc<App>, stop: watch::Receiver<bool>) {
    let (store, side) = (Arc::clone(&app.store), Arc::clone(&app.side));
    let checkpointer = Checkpointer::new(store, side, Arc::clone(&app.keyring));
    let failed = move |error: &StoreError| {
        tracing::error!(%error, "a checkpoint could not be signed");
        app.note_store(true);
    };
    checkpointer.run(stop, failed).await;
}

/// How long the start waits for read models: long enough to open complete ones and to make the first of a new ledger.
const VIEWS_WAIT: Duration = Duration::from_secs(2);

async fn follow_views(config: &Config, events: &Arc<dyn EventStore>, duties: &Duties) -> Result<Views> {
    let (store, shared) = backend::views(config).await?;
    let folds = if shared { folds(duties.want(&read_models())) } else { watch::channel(true).1 };
    let on_poison = Arc::new(|poisoned: &Poisoned| {
        tracing::error!(projection = %poisoned.projection, stream = %poisoned.stream, index = poisoned.index,
            reason = %poisoned.reason, "an event cannot be folded; its stream is held back in this projection");
    });
    let options = RunnerOptions { on_poison, folds };
    let views = Views::start(Arc::new(LedgerModels), Arc::clone(events), store, options);
    let mut status = views.status();
    // Not in time: the directory goes through the log instead, which takes longer but is as good.
    let _ =
        tokio::time::timeout(VIEWS_WAIT, status.wait_for(|status| *status == RunnerStatus::Following)).await;
    Ok(views)
}

/// The duty of folding. Another version may have read models of another shape, and then both are folded until the last
/// process of the old one has gone.
pub fn read_models() -> String {
    let fingerprint = LedgerModels::schema().fingerprint();
    format!("read models {}", &fingerprint[..8])
}

/// Does this process fold? Each time the lease is taken anew is a new yes.
fn folds(mut lease: watch::Receiver<Option<u64>>) -> watch::Receiver<bool> {
    let (told, folds) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let held = lease.borrow_and_update().is_some();
            told.send_replace(held);
            tokio::select! {
                changed = lease.changed() => if changed.is_err() { return },
                () = told.closed() => return,
            }
        }
    });
    folds
}
