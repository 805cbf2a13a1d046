//! Filling a queue server from the log: one worker's duty.
//!
//! What becomes due is offered at once. Every few seconds, and whenever the server is back, all that is due is held against
//! what is there, and what is missing is offered again: so whatever the server loses or forgets comes back, and nothing
//! that it has said is ever believed.

mod stuck;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::values::{IntegrationId, IntentId};
use ledger_queue_nats::{Lane, Offered, PIECES_MAX, Piece, Queue as Server, QueueError};
use ledger_store::{Delivery, Filter, StoreError, Subscription};
use tokio::sync::watch;

use super::queue::{Change, Key, Queue, Waiting};
use super::restore::restore;
use crate::app::App;

/// What this duty is called.
pub const DUTY: &str = "queue";

/// So many pieces are offered before their answers are waited for.
const BATCH_MAX: usize = 256;

/// The lane of an integration.
pub(super) fn lane_of((tenant, integration): &Key) -> Lane {
    Lane { owner: tenant.as_str().to_owned(), name: integration.as_str().to_owned() }
}

/// The integration of a lane; nothing: somebody else has put it there.
pub(super) fn key_of(lane: &Lane) -> Option<Key> {
    Some((TenantId::new(&lane.owner).ok()?, IntegrationId::new(&lane.name).ok()?))
}

fn piece_of(waiting: &Waiting) -> Piece {
    Piece { lane: lane_of(&waiting.key), id: waiting.intent.to_string() }
}

struct Offerer {
    app: Arc<App>,
    server: Arc<Server>,
    queue: Queue,
    /// Before the log was followed to its end, what is open in it may be over.
    caught_up: bool,
    /// What the log has told of since, by the time when it is due.
    fresh: BTreeSet<(Timestamp, u64, IntentId, Key)>,
    swept: Option<Stopwatch>,
    /// What the log was told about the server last.
    in_trouble: bool,
}

/// Offers until `stop` turns true.
pub async fn run(app: Arc<App>, server: Arc<Server>, mut stop: watch::Receiver<bool>) {
    let filter = Filter { categories: vec!["intent".to_owned()], ..Filter::default() };
    let (queue, from) = restore(&app).await;
    let mut subscription = Subscription::new(Arc::clone(&app.store), from + 1, filter);
    let mut standing = server.standing();
    let mut offerer = Offerer {
        app,
        server,
        queue,
        caught_up: false,
        fresh: BTreeSet::new(),
        swept: None,
        in_trouble: false,
    };
    loop {
        let wait = offerer.wait();
        tokio::select! {
            delivery = subscription.next() => offerer.heard(delivery),
            () = tokio::time::sleep(wait) => {}
            Ok(()) = standing.changed() => {
                // Whatever it is: what is there may be another.
                if standing.borrow_and_update().connected {
                    offerer.swept = None;
                }
            }
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let worked = tokio::select! {
            worked = offerer.work() => worked,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        offerer.tell(worked);
    }
}

impl Offerer {
    fn heard(&mut self, delivery: Result<Delivery, StoreError>) {
        match delivery {
            Ok(Delivery::Events(events)) => {
                for event in &events {
                    if let Change::Open(Waiting { intent, key, not_before, since }) = self.queue.follow(event)
                    {
                        self.fresh.insert((not_before, since, intent, key));
                    }
                }
            }
            Ok(Delivery::CaughtUp(_)) => self.caught_up = true,
            Err(error) => tracing::warn!(%error, "the queue cannot follow the log"),
        }
    }

    fn sweep_every(&self) -> Duration {
        Duration::from_secs(self.app.config.queue.sweep_seconds)
    }

    /// Until there is something to do.
    fn wait(&self) -> Duration {
        let sweep = self.swept.as_ref().map(|watch| self.sweep_every().saturating_sub(watch.elapsed()));
        let due = self.fresh.first().map(|(at, ..)| at.since(self.app.clock.now()));
        let sweep = sweep.unwrap_or(Duration::ZERO);
        due.unwrap_or(sweep).min(sweep)
    }

    async fn work(&mut self) -> Result<(), QueueError> {
        if !self.caught_up {
            return Ok(());
        }
        if self.swept.as_ref().is_none_or(|watch| watch.elapsed() >= self.sweep_every()) {
            // Also if it fails: then the next one is tried in its turn, or when the server is back.
            self.swept = Some(Stopwatch::start());
            self.sweep().await?;
            return stuck::park(&self.app, &self.server).await;
        }
        self.offer_fresh().await
    }

    /// Offers what the log has told of and what is due by now. What the server does not take is left to the sweep.
    async fn offer_fresh(&mut self) -> Result<(), QueueError> {
        let now = self.app.clock.now();
        let mut due = Vec::new();
        while let Some((not_before, since, intent, key)) = self.fresh.pop_first() {
            if not_before > now {
                self.fresh.insert((not_before, since, intent, key));
                break;
            }
            let waiting = Waiting { intent, key, not_before, since };
            if self.queue.has(&waiting) {
                due.push((piece_of(&waiting), since));
            }
        }
        self.offer(&due).await.map(drop)
    }

    async fn sweep(&mut self) -> Result<(), QueueError> {
        // First what is there, then what is due: what ends in between is offered once too often, and never too seldom.
        let there = self.server.there().await?;
        let now = self.app.clock.now();
        let room = PIECES_MAX.saturating_sub(there.len());
        let missing = self.queue.all_due(now).map(|waiting| (piece_of(&waiting), waiting.since));
        let missing: Vec<_> = missing.filter(|(piece, _)| !there.contains(piece)).take(room).collect();
        let offered = self.offer(&missing).await?;
        if offered > 0 {
            tracing::info!(offered, "work that was missing in the queue was offered again");
        }
        Ok(())
    }

    /// How many were not there.
    async fn offer(&self, pieces: &[(Piece, u64)]) -> Result<usize, QueueError> {
        let mut new = 0;
        for batch in pieces.chunks(BATCH_MAX) {
            let offered = self.server.offer(batch).await?;
            new += offered.iter().filter(|offered| **offered == Offered::New).count();
        }
        Ok(new)
    }

    /// Says once that it does not work, and once that it does again.
    fn tell(&mut self, worked: Result<(), QueueError>) {
        let server = self.server.shown();
        match worked {
            Err(error) if !self.in_trouble => {
                tracing::warn!(%error, server, "the queue does not work; work waits in the ledger until it does");
                self.in_trouble = true;
            }
            Ok(()) if self.in_trouble && self.server.standing().borrow().connected => {
                tracing::info!(server, "the queue works again");
                self.in_trouble = false;
            }
            _ => {}
        }
    }
}
