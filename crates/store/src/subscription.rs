//! Following the store: events from a position on, without gaps, with a signal when all have been given.

use std::sync::Arc;
use std::time::Duration;

use ledger::clock::Stopwatch;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::contract::EventStore;
use crate::error::StoreError;
use crate::read::{Filter, Read, StoredEvent};

/// What a subscription gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Events in commit order, at least one.
    Events(Vec<StoredEvent>),
    /// Everything up to this position has been given; said once each time the end is reached.
    CaughtUp(u64),
}

/// A reader that follows the store.
///
/// It holds no state but its position: events wait in the store, never in a queue that could overflow, so a
/// slow subscriber costs nothing and loses nothing.
pub struct Subscription {
    store: Arc<dyn EventStore>,
    head: watch::Receiver<u64>,
    filter: Filter,
    next: u64,
    page: usize,
    said_caught_up: Option<u64>,
    gather: Option<Gather>,
    /// Until when the store is left alone. A time, not a pause: whoever is cancelled meanwhile does not begin anew.
    rests_until: Option<Instant>,
}

/// After a failure the store is left alone for so long: whoever follows it asks again at once.
const REST: Duration = Duration::from_millis(250);

/// How events are gathered while they keep coming.
struct Gather {
    every: Duration,
    hurry: Arc<Notify>,
    last: Option<Stopwatch>,
}

impl Subscription {
    /// Follows from `from` on, that position included.
    pub fn new(store: Arc<dyn EventStore>, from: u64, filter: Filter) -> Self {
        let head = store.subscribe();
        Self {
            store,
            head,
            filter,
            next: from.max(1),
            page: 1000,
            said_caught_up: None,
            gather: None,
            rests_until: None,
        }
    }

    /// At most so many events in one delivery.
    #[must_use]
    pub fn page(mut self, events: usize) -> Self {
        self.page = events.max(1);
        self
    }

    /// While events keep coming, gives them no more often than this, so that what each delivery costs is paid once for
    /// many commits. What comes after a pause is given at once, and so is a full page; `hurry` ends the wait early.
    #[must_use]
    pub fn gather(mut self, every: Duration, hurry: Arc<Notify>) -> Self {
        self.gather = Some(Gather { every, hurry, last: None });
        self
    }

    /// The position that is read next. Everything below it has been given or did not pass the filter.
    pub fn position(&self) -> u64 {
        self.next
    }

    /// The next delivery; waits while there is none. Can be cancelled without losing anything.
    ///
    /// # Errors
    /// What reading gives; the subscription stays where it is and may be asked again: it then rests for a moment first.
    /// `Closed` once the store is
    /// closed and everything has been given.
    pub async fn next(&mut self) -> Result<Delivery, StoreError> {
        loop {
            let committed = *self.head.borrow_and_update();
            if self.next <= committed {
                self.gathered(committed).await;
                let query = Read::all(self.next).filter(self.filter.clone()).limit(self.page);
                if let Some(until) = self.rests_until {
                    tokio::time::sleep_until(until).await;
                }
                let page = self.store.read(query).await;
                self.rests_until = page.is_err().then(|| Instant::now() + REST);
                let page = page?;
                // Filtered reads move on over what does not pass; an unfiltered page that is empty moves nothing.
                self.next = page.next.max(self.next);
                if !page.events.is_empty() {
                    return Ok(Delivery::Events(page.events));
                }
                if !page.end {
                    continue;
                }
            }
            let reached = self.next - 1;
            if self.said_caught_up != Some(reached) {
                self.said_caught_up = Some(reached);
                return Ok(Delivery::CaughtUp(reached));
            }
            if self.head.changed().await.is_err() && self.next > *self.head.borrow() {
                return Err(StoreError::Closed);
            }
        }
    }

    /// Waits until the next page is due.
    async fn gathered(&mut self, committed: u64) {
        let waiting = committed - self.next + 1;
        let Some(gather) = &mut self.gather else { return };
        let since = gather.last.map(|last| last.elapsed());
        let left = since.and_then(|since| gather.every.checked_sub(since));
        if let Some(left) = left
            && waiting < self.page as u64
        {
            // Either way it is read now; a delivery that was cancelled here waits again.
            let _ = tokio::time::timeout(left, gather.hurry.notified()).await;
        }
        gather.last = Some(Stopwatch::start());
    }
}
