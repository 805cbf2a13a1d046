//! The dispatcher: takes due intents, makes their attempts, a bounded number at once for each integration.
//!
//! It owns nothing that the log does not have. Its queue follows the log; that an intent is being attempted is known here
//! alone (the lease, as long as the process lives), and after a crash the stream says where the attempt broke off. Each
//! integration has slots of its own, so one that hangs delays no other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::values::IntentId;
use ledger_connectors::protocol::{Failure, FailureKind};
use ledger_store::runner::RunnerStatus;
use ledger_store::{Delivery, Filter, StoreError, Subscription};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::attempt::{Attempt, Ended, Verdict};
use super::health;
use super::live::{Idle, live};
use super::queue::{Change, Key, NEVER, Queue};
use super::validate::CONCURRENCY_MAX;
use super::{models, observe};
use crate::app::App;
use crate::error::ApiError;

/// All integrations are looked at so often even if nothing seems to have happened.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The read models are waited for so long after an integration or a secret has changed.
const FOLD_WAIT: Duration = Duration::from_secs(2);
/// An integration whose credential or configuration does not fit is left alone for so long, or until it is changed: one
/// refused request shows it as well as a thousand, and vendors lock accounts.
const HOLD: Duration = Duration::from_secs(60);
/// After a failure of the store or of the ledger itself.
const REST: Duration = Duration::from_secs(1);

/// The streams whose events may make work or let it go on.
const CATEGORIES: [&str; 3] = ["intent", "integration", "secret"];

/// What the duties of integrations begin with.
const DUTY: &str = "dispatch/";

fn duty((tenant, integration): &Key) -> String {
    format!("{DUTY}{tenant}/{integration}")
}

/// What is under way for one integration.
#[derive(Default)]
struct Lane {
    under_way: HashSet<IntentId>,
    held_until: Option<Timestamp>,
}

/// How an attempt ended for its lane.
struct Report {
    key: Key,
    intent: IntentId,
    hold: Option<Duration>,
}

/// What the dispatcher waits for.
enum Happened {
    Heard(Result<Delivery, StoreError>),
    Ended(Result<Report, JoinError>),
    Woken,
    Duties,
    Time,
    Stop,
}

struct Dispatcher {
    app: Arc<App>,
    queue: Queue,
    head: watch::Receiver<u64>,
    /// Attempts that are over, each with the position up to which the queue must have followed to know.
    settling: Vec<(u64, Key, IntentId)>,
    lanes: HashMap<Key, Lane>,
    attempts: JoinSet<Report>,
    /// When which integration has work that is not due yet.
    later: BTreeMap<(Timestamp, Key), ()>,
    /// Before the queue has followed to the end, what it holds may be over.
    caught_up: bool,
}

/// Runs until `stop` turns true; attempts that are under way are resumed after the next start.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let filter = Filter { categories: CATEGORIES.map(str::to_owned).to_vec(), ..Filter::default() };
    let (queue, from) = restore(&app).await;
    let mut subscription = Subscription::new(Arc::clone(&app.store), from + 1, filter);
    let mut dispatcher = Dispatcher {
        app: Arc::clone(&app),
        queue,
        head: app.store.subscribe(),
        settling: Vec::new(),
        lanes: HashMap::new(),
        attempts: JoinSet::new(),
        later: BTreeMap::new(),
        caught_up: false,
    };
    let mut duties = app.duties.changed();
    loop {
        let wait = dispatcher.wait();
        let happened = tokio::select! {
            delivery = subscription.next() => Happened::Heard(delivery),
            Some(report) = dispatcher.attempts.join_next() => Happened::Ended(report),
            () = app.connect.wake.notified() => Happened::Woken,
            Ok(()) = duties.changed() => Happened::Duties,
            () = tokio::time::sleep(wait) => Happened::Time,
            _ = stop.wait_for(|stop| *stop) => Happened::Stop,
        };
        match happened {
            Happened::Heard(delivery) => dispatcher.heard(delivery, subscription.position()).await,
            Happened::Ended(report) => dispatcher.ended(report, subscription.position()).await,
            Happened::Woken => {
                dispatcher.release(None);
                dispatcher.look_at_all().await;
            }
            Happened::Duties => dispatcher.look_at_all().await,
            Happened::Time => {
                dispatcher.give_up().await;
                dispatcher.look_at_due().await;
            }
            Happened::Stop => break,
        }
    }
    // What was sent is in the journals: whatever is cut off here is resumed.
    dispatcher.attempts.shutdown().await;
    app.connect.clear();
}

/// The queue as the read models have it, and the position from which it follows the log. Read models that are being built
/// say nothing: the log is followed from its beginning then, which takes longer and is as good.
async fn restore(app: &App) -> (Queue, u64) {
    if !matches!(*app.views.status().borrow(), RunnerStatus::Following) {
        return (Queue::default(), 0);
    }
    let position = *app.views.position().borrow();
    match open(app).await {
        Ok(queue) => (queue, position),
        Err(error) => {
            tracing::warn!(detail = %error.detail, "the queue is made from the whole log, since the read models cannot be asked");
            (Queue::default(), 0)
        }
    }
}

async fn open(app: &App) -> Result<Queue, ApiError> {
    let mut queue = Queue::default();
    for log in app.side.logs().await? {
        for row in models::open(app, &log.tenant).await? {
            let key = (log.tenant.clone(), row.integration.clone());
            let parked = row.state.as_str() == "parked";
            queue.insert(key, row.intent, row.requested_index, if parked { Some(NEVER) } else { row.due });
        }
    }
    Ok(queue)
}

impl Dispatcher {
    fn wait(&self) -> Duration {
        let next = self.later.first_key_value().map(|((at, _), ())| at.since(self.app.clock.now()));
        next.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
    }

    /// `next`: the position from which the queue goes on to follow.
    async fn heard(&mut self, delivery: Result<Delivery, StoreError>, next: u64) {
        let mut open = BTreeSet::new();
        match delivery {
            Ok(Delivery::Events(events)) => {
                for event in events {
                    if event.event_type.starts_with("ledger.intent.") {
                        if let Change::Open(key) = self.queue.follow(&event) {
                            open.insert(key);
                        }
                    } else {
                        // Whether an integration works is asked of the read models.
                        self.folded(event.position).await;
                        self.release(Some(&event.tenant));
                        open.extend(
                            self.queue.keys().into_iter().filter(|(tenant, _)| *tenant == event.tenant),
                        );
                    }
                }
            }
            Ok(Delivery::CaughtUp(_)) if !self.caught_up => {
                self.caught_up = true;
                open.extend(self.queue.keys());
            }
            Ok(Delivery::CaughtUp(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "the dispatcher cannot follow the log");
            }
        }
        open.extend(self.settled(next));
        for key in open {
            self.look(&key).await;
        }
    }

    async fn folded(&self, position: u64) {
        let mut folded = self.app.views.position();
        let folded = async { folded.wait_for(|reached| *reached >= position).await.is_ok() };
        let _in_time = tokio::time::timeout(FOLD_WAIT, folded).await;
    }

    /// Frees the slots of attempts whose end the queue knows by now.
    fn settled(&mut self, next: u64) -> Vec<Key> {
        let mut free = Vec::new();
        let lanes = &mut self.lanes;
        self.settling.retain(|(position, key, intent)| {
            if *position >= next {
                return true;
            }
            if let Some(lane) = lanes.get_mut(key) {
                lane.under_way.remove(intent);
            }
            free.push(key.clone());
            false
        });
        free
    }

    /// Lets held integrations try again: somebody may have mended what was in their way.
    fn release(&mut self, tenant: Option<&TenantId>) {
        let of = |owner: &TenantId| tenant.is_none_or(|tenant| tenant == owner);
        self.lanes
            .iter_mut()
            .filter(|((owner, _), _)| of(owner))
            .for_each(|(_, lane)| lane.held_until = None);
    }

    async fn ended(&mut self, report: Result<Report, JoinError>, next: u64) {
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                // A panic in an attempt: its lane is not known any more, so all are looked at anew.
                tracing::error!(%error, "an attempt ended unexpectedly; it is resumed from its journal");
                if self.attempts.is_empty() {
                    self.lanes.clear();
                }
                return;
            }
        };
        if let (Some(lane), Some(hold)) = (self.lanes.get_mut(&report.key), report.hold) {
            lane.held_until = Some(self.app.clock.now().plus(hold));
        }
        // All that it wrote is committed, so it lies before the head; the queue must know it before the intent is looked at
        // again.
        self.settling.push((*self.head.borrow(), report.key, report.intent));
        for key in self.settled(next) {
            self.look(&key).await;
        }
    }

    async fn look_at_all(&mut self) {
        self.later.clear();
        for key in self.queue.keys() {
            self.look(&key).await;
        }
    }

    async fn look_at_due(&mut self) {
        let now = self.app.clock.now();
        let mut due = false;
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (_, key) = entry.remove_entry().0;
            due = true;
            self.look(&key).await;
        }
        if !due {
            self.look_at_all().await;
        }
    }

    /// Fills the free slots of one integration.
    async fn look(&mut self, key: &Key) {
        if let Err(error) = self.fill(key).await {
            tracing::warn!(integration = %key.1, detail = %error.detail, "an integration's work cannot be looked at");
            self.remind(self.app.clock.now().plus(REST), key);
        }
    }

    fn remind(&mut self, at: Timestamp, key: &Key) {
        self.later.insert((at, key.clone()), ());
    }

    /// Leaves integrations to others that have no work.
    async fn give_up(&mut self) {
        let busy: HashSet<String> = self.queue.keys().iter().map(duty).collect();
        let attempted: HashSet<String> = self
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.under_way.is_empty())
            .map(|(key, _)| duty(key))
            .collect();
        let idle = |name: &str| name.starts_with(DUTY) && !busy.contains(name) && !attempted.contains(name);
        self.app.duties.give_up(idle).await;
    }

    async fn fill(&mut self, key: &Key) -> Result<(), ApiError> {
        let (tenant, integration) = key;
        let now = self.app.clock.now();
        if !self.caught_up {
            return Ok(());
        }
        // Its rate limits and tokens are kept by one process; another takes over when that one is gone.
        if !self.app.duties.holds(&duty(key)) {
            return Ok(());
        }
        let lane = self.lanes.entry(key.clone()).or_default();
        if let Some(until) = lane.held_until.filter(|until| *until > now) {
            self.remind(until, key);
            return Ok(());
        }
        let busy = lane.under_way.len();
        let fresh = self.queue.due(key, now, |intent| lane.under_way.contains(intent), CONCURRENCY_MAX);
        if let Some(at) = self.queue.next(key, now) {
            self.remind(at, key);
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let alive = match live(&self.app, tenant, integration).await {
            Ok(alive) => alive,
            Err(Idle::Store(error)) => return Err(error),
            Err(Idle::Unknown | Idle::Still(_)) => return Ok(()),
            Err(Idle::Misfits(misfits)) => {
                health::misfits(&self.app, tenant, integration, &misfits).await?;
                let until = now.plus(HOLD);
                self.lanes.entry(key.clone()).or_default().held_until = Some(until);
                self.remind(until, key);
                return Ok(());
            }
        };
        let free = alive.document.concurrency.saturating_sub(busy);
        let lane = self.lanes.entry(key.clone()).or_default();
        for intent in fresh.into_iter().take(free) {
            lane.under_way.insert(intent);
            let (app, key, alive) = (Arc::clone(&self.app), key.clone(), Arc::clone(&alive));
            self.attempts.spawn(async move {
                let attempt = Attempt { app: &app, tenant: &key.0, intent, live: &alive };
                let ended = attempt.run().await;
                let hold = aftermath(&app, &key, ended).await;
                Report { key, intent, hold }
            });
        }
        Ok(())
    }
}

/// What an attempt means for its integration; for how long the integration is left alone because of it.
async fn aftermath(app: &Arc<App>, key: &Key, ended: Result<Ended, ApiError>) -> Option<Duration> {
    let (tenant, integration) = key;
    let Ended { verdict, facts } = match ended {
        Ok(ended) => ended,
        Err(error) => {
            tracing::warn!(%integration, detail = %error.detail, "an attempt could not be recorded; it is resumed from its journal");
            return Some(REST);
        }
    };
    if let Err(error) = observe::facts(app, tenant, integration, &facts, None).await {
        tracing::warn!(%integration, detail = %error.detail, "what an attempt found out could not be recorded");
    }
    let hold = match &verdict {
        Verdict::Ill(failure) if is_everyones(failure) => Some(HOLD),
        _ => None,
    };
    if let Err(error) = health::note(app, tenant, integration, &verdict).await {
        tracing::warn!(%integration, detail = %error.detail, "an integration's health could not be recorded");
    }
    hold
}

/// Every other piece of work would fail in the same way.
fn is_everyones(failure: &Failure) -> bool {
    failure.kind == FailureKind::Unauthenticated
}
