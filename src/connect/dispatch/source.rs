//! Where the dispatcher's work comes from: the log, followed by this process alone, or a queue server between workers.
//!
//! Either way a piece of work is a hint: the intent's stream says whether an attempt is due.

use std::sync::Arc;
use std::time::Duration;

use ledger::time::Timestamp;
use ledger_aggregates::values::IntentId;
use ledger_queue_nats::Handed;
use ledger_store::StoredEvent;

use super::super::attempt::Ended;
use super::super::queue::{Change, Key, Queue};
use super::served::Served;
use crate::error::ApiError;

/// A worker whose clock is behind by less gets a piece again that it was handed too early.
const EARLY_MAX: Duration = Duration::from_secs(5);
/// A piece that is handed out while it is under way comes again after so long.
pub(super) const UNDER_WAY_AGAIN: Duration = Duration::from_secs(1);

/// Where work comes from.
pub(super) enum Source {
    /// The log.
    Log {
        /// What is open, as far as the log was followed.
        queue: Queue,
        /// Before the log was followed to its end, what is open in it may be over.
        caught_up: bool,
    },
    /// A queue server.
    Served(Served),
}

/// A piece of work at hand.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) intent: IntentId,
    /// What the queue server wants to know of it.
    handed: Option<Arc<Handed>>,
}

/// What a source has to say by itself.
pub(super) enum News {
    /// There may be work for these.
    Work(Vec<Key>),
    /// It was asked for.
    Handed(Key, Vec<Piece>),
}

impl Source {
    /// Follows the log by one event of an intent: whose work it may be.
    pub(super) fn follow(&mut self, event: &StoredEvent) -> Option<Key> {
        match self {
            Self::Log { queue, .. } => match queue.follow(event) {
                Change::Open(waiting) => Some(waiting.key),
                Change::None => None,
            },
            Self::Served(_) => None,
        }
    }

    /// The log was followed to its end: the integrations that may have work, if it is for the first time.
    pub(super) fn caught_up(&mut self) -> Vec<Key> {
        match self {
            Self::Log { queue, caught_up } if !*caught_up => {
                *caught_up = true;
                queue.keys()
            }
            _ => Vec::new(),
        }
    }

    /// The integrations that have open work, also what is not due or is under way.
    pub(super) fn keys(&self) -> Vec<Key> {
        match self {
            Self::Log { queue, .. } => queue.keys(),
            Self::Served(served) => served.keys(),
        }
    }

    /// When there will be more work for an integration than now, as far as it is known.
    pub(super) fn next(&self, key: &Key, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Log { queue, .. } => queue.next(key, now),
            Self::Served(_) => None,
        }
    }

    /// May there be work for an integration beside what is under way?
    pub(super) fn may_have(&self, key: &Key, now: Timestamp, busy: impl Fn(&IntentId) -> bool) -> bool {
        match self {
            Self::Log { queue, caught_up } => *caught_up && !queue.due(key, now, busy, 1).is_empty(),
            Self::Served(served) => served.may_have(key),
        }
    }

    /// Work for an integration, at most so many pieces. A queue server is asked: what it hands out is [`News`].
    pub(super) fn take(
        &mut self,
        key: &Key,
        now: Timestamp,
        busy: impl Fn(&IntentId) -> bool,
        most: usize,
    ) -> Vec<Piece> {
        match self {
            Self::Log { queue, .. } => {
                let due = queue.due(key, now, busy, most);
                due.into_iter().map(|intent| Piece { intent, handed: None }).collect()
            }
            Self::Served(served) => {
                served.ask(key, most);
                Vec::new()
            }
        }
    }

    /// Its time has come: there may be work again.
    pub(super) fn expect(&mut self, key: &Key) {
        if let Self::Served(served) = self {
            served.expect(key);
        }
    }

    /// Waits for what it has to say.
    pub(super) async fn news(&mut self) -> News {
        match self {
            Self::Log { .. } => std::future::pending().await,
            Self::Served(served) => served.news().await,
        }
    }

    /// The position from which on the source no longer gives an attempt's work that ended now; `head`: the last
    /// committed one.
    pub(super) const fn settled_at(&self, head: u64) -> u64 {
        match self {
            Self::Log { .. } => head,
            // It is told.
            Self::Served(_) => 0,
        }
    }

    /// Gives back what was cut off.
    pub(super) async fn close(&mut self, cut_off: impl Iterator<Item = Piece>) {
        for piece in cut_off {
            piece.put_back(Duration::ZERO).await;
        }
        if let Self::Served(served) = self {
            served.flush().await;
        }
    }
}

impl Piece {
    /// What a queue server handed out; what is no intent is taken out of the queue.
    pub(super) async fn handed(handed: Handed) -> Option<Self> {
        match handed.piece.id.parse() {
            Ok(intent) => Some(Self { intent, handed: Some(Arc::new(handed)) }),
            Err(_) => {
                handed.done().await;
                None
            }
        }
    }

    /// Does `work` while the source knows that somebody is at it.
    pub(super) async fn while_at<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.handed {
            Some(handed) => handed.while_at(work).await,
            None => work.await,
        }
    }

    /// Tells the source how it went; when it will hand the piece out again, if it does.
    pub(super) async fn tell(&self, ended: &Result<Ended, ApiError>, now: Timestamp) -> Option<Duration> {
        let handed = self.handed.as_ref()?;
        match ended {
            // It is in the log, or it could not be.
            Ok(Ended { too_early: None, .. }) => handed.done().await,
            Err(_) => return Some(handed.again().await),
            Ok(Ended { too_early: Some(not_before), .. }) => {
                let wait = not_before.since(now);
                if wait <= EARLY_MAX {
                    handed.later(wait).await;
                    return Some(wait);
                }
                // It is offered again when it is due.
                handed.done().await;
            }
        }
        None
    }

    /// Lets it be handed out again.
    pub(super) async fn put_back(&self, wait: Duration) {
        if let Some(handed) = &self.handed {
            handed.later(wait).await;
        }
    }
}
