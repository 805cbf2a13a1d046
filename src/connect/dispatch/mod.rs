//! The dispatcher: takes due intents, makes their attempts, a bounded number at once for each integration.
//!
//! It owns nothing that the log does not have. Its work comes from the log or from a queue server that is filled from the
//! log ([`source`]); that an intent is being attempted is known here alone (the lease, as long as the process lives), and
//! after a crash the stream says where the attempt broke off. Each integration has slots of its own, so one that hangs
//! delays no other.

mod aftermath;
mod fill;
mod served;
mod source;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::values::IntentId;
use ledger_store::{Delivery, Filter, StoreError, Subscription};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use self::served::Served;
use self::source::{News, Piece, Source};
use super::queue::Key;
use super::restore::restore;
use crate::app::App;

/// All integrations are looked at so often even if nothing seems to have happened.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The read models are waited for so long after an integration or a secret has changed.
const FOLD_WAIT: Duration = Duration::from_secs(2);
/// An integration whose credential or configuration does not fit is left alone for so long, or until it is changed: one
/// refused request shows it as well as a thousand, and vendors lock accounts.
const HOLD: Duration = Duration::from_secs(60);
/// After a failure of the store or of the ledger itself.
const REST: Duration = Duration::from_secs(1);

/// The streams whose events may let work go on, and, where it comes from the log, those that make it.
const CATEGORIES: [&str; 3] = ["integration", "secret", "intent"];

/// What the duties of integrations begin with.
const DUTY: &str = "dispatch/";

fn duty((tenant, integration): &Key) -> String {
    format!("{DUTY}{tenant}/{integration}")
}

/// What is under way for one integration.
#[derive(Default)]
struct Lane {
    under_way: HashMap<IntentId, Piece>,
    held_until: Option<Timestamp>,
}

/// How an attempt ended for its lane.
struct Report {
    key: Key,
    intent: IntentId,
    hold: Option<Duration>,
    /// The source hands it out again in this time.
    again: Option<Duration>,
}

/// What the dispatcher waits for.
enum Happened {
    Heard(Result<Delivery, StoreError>),
    Ended(Result<Report, JoinError>),
    News(News),
    Woken,
    Duties,
    Time,
    Stop,
}

struct Dispatcher {
    app: Arc<App>,
    source: Source,
    head: watch::Receiver<u64>,
    /// Attempts that are over, each with the position up to which the log must be followed to know.
    settling: Vec<(u64, Key, IntentId)>,
    lanes: HashMap<Key, Lane>,
    attempts: JoinSet<Report>,
    /// When which integration has work that is not due yet.
    later: BTreeMap<(Timestamp, Key), ()>,
}

/// Runs until `stop` turns true; attempts that are under way are resumed after the next start.
pub async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let (source, from, categories) = match &app.queue {
        Some(queue) => {
            let served = Served::new(Arc::clone(queue), Arc::clone(&app.metrics));
            (Source::Served(served), *app.store.subscribe().borrow(), &CATEGORIES[..2])
        }
        None => {
            let (queue, from) = restore(&app).await;
            (Source::Log { queue, caught_up: false }, from, &CATEGORIES[..])
        }
    };
    let categories = categories.iter().map(|&category| category.to_owned()).collect();
    let filter = Filter { categories, ..Filter::default() };
    let mut subscription = Subscription::new(Arc::clone(&app.store), from + 1, filter);
    let mut dispatcher = Dispatcher {
        app: Arc::clone(&app),
        source,
        head: app.store.subscribe(),
        settling: Vec::new(),
        lanes: HashMap::new(),
        attempts: JoinSet::new(),
        later: BTreeMap::new(),
    };
    let mut duties = app.duties.changed();
    loop {
        let wait = dispatcher.wait();
        let happened = tokio::select! {
            delivery = subscription.next() => Happened::Heard(delivery),
            Some(report) = dispatcher.attempts.join_next() => Happened::Ended(report),
            news = dispatcher.source.news() => Happened::News(news),
            () = app.connect.wake.notified() => Happened::Woken,
            Ok(()) = duties.changed() => Happened::Duties,
            () = tokio::time::sleep(wait) => Happened::Time,
            _ = stop.wait_for(|stop| *stop) => Happened::Stop,
        };
        match happened {
            Happened::Heard(delivery) => dispatcher.heard(delivery, subscription.position()).await,
            Happened::Ended(report) => dispatcher.ended(report, subscription.position()).await,
            Happened::News(News::Work(keys)) => {
                for key in keys {
                    dispatcher.look(&key).await;
                }
            }
            Happened::News(News::Handed(key, pieces)) => dispatcher.handed(&key, pieces).await,
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
    let cut_off = dispatcher.lanes.into_values().flat_map(|lane| lane.under_way.into_values());
    dispatcher.source.close(cut_off).await;
    app.connect.clear();
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
                        open.extend(self.source.follow(&event));
                    } else {
                        // Whether an integration works is asked of the read models.
                        self.folded(event.position).await;
                        self.release(Some(&event.tenant));
                        open.extend(
                            self.source.keys().into_iter().filter(|(tenant, _)| *tenant == event.tenant),
                        );
                    }
                }
            }
            Ok(Delivery::CaughtUp(_)) => open.extend(self.source.caught_up()),
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
        let now = self.app.clock.now();
        if let (Some(lane), Some(hold)) = (self.lanes.get_mut(&report.key), report.hold) {
            lane.held_until = Some(now.plus(hold));
        }
        if let Some(again) = report.again {
            self.remind(now.plus(again), &report.key);
        }
        // All that it wrote is committed, so it lies before the head; a queue that follows the log must know it before the
        // intent is looked at again.
        let settled = self.source.settled_at(*self.head.borrow());
        self.settling.push((settled, report.key, report.intent));
        for key in self.settled(next) {
            self.look(&key).await;
        }
    }

    async fn look_at_all(&mut self) {
        self.later.clear();
        for key in self.source.keys() {
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
            self.source.expect(&key);
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
        let busy: HashSet<String> = self.source.keys().iter().map(duty).collect();
        let attempted: HashSet<String> = self
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.under_way.is_empty())
            .map(|(key, _)| duty(key))
            .collect();
        let idle = |name: &str| name.starts_with(DUTY) && !busy.contains(name) && !attempted.contains(name);
        self.app.duties.give_up(idle).await;
    }
}
