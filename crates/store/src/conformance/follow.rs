//! Subscriptions.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::{Backend, OTHER_TYPE, Sealer, Store, commit, with_log};
use crate::append::{Append, Verdict};
use crate::contract::EventStore;
use crate::read::{Filter, StoredEvent};
use crate::subscription::{Delivery, Subscription};

const WRITERS: u32 = 32;
const EVENTS_EACH: usize = 20;

fn events_of(store: &Store) -> Arc<dyn EventStore> {
    let store: Arc<dyn Backend> = store.clone();
    store
}

/// 32 writers in 4 tenants at once; a subscriber from the start sees every position once, in order, while they
/// write, and another that comes late sees the same.
pub async fn follows_without_skipping_under_concurrent_writers(store: Store) {
    let mut tenants = Vec::new();
    for slot in 1..=4 {
        tenants.push(with_log(&*store, &format!("t{slot}"), slot).await);
    }
    let total = 4 + u64::from(WRITERS) * EVENTS_EACH as u64;
    let early =
        tokio::spawn(follow(Subscription::new(events_of(&store), 0, Filter::default()).page(17), total));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let sealer = &mut tenants[writer as usize % 4];
        let appends: Vec<Append> =
            (0..EVENTS_EACH).map(|_| sealer.append(&format!("w-{writer}"), 1)).collect();
        let store = store.clone();
        writers.push(tokio::spawn(async move {
            for append in appends {
                let verdict = store.append(vec![append]).await.expect("an append").remove(0);
                assert!(matches!(verdict, Verdict::Committed { .. }), "{verdict:?}");
            }
        }));
    }
    for writer in writers {
        writer.await.expect("a writer");
    }
    let early = early.await.expect("a subscriber");
    let late = follow(Subscription::new(events_of(&store), 0, Filter::default()), total).await;
    let positions: Vec<u64> = early.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=total).collect::<Vec<_>>());
    assert_eq!(early, late);
}

async fn follow(mut subscription: Subscription, until: u64) -> Vec<StoredEvent> {
    let mut seen = Vec::new();
    loop {
        match subscription.next().await.expect("a delivery") {
            Delivery::Events(events) => seen.extend(events),
            Delivery::CaughtUp(position) => {
                assert_eq!(position, seen.last().map_or(0, |event: &StoredEvent| event.position));
                if position == until {
                    return seen;
                }
            }
        }
    }
}

/// Once for each time that the end is reached.
pub async fn says_when_a_subscriber_has_caught_up(store: Store) {
    let mut subscription = Subscription::new(events_of(&store), 0, Filter::default());
    assert_eq!(subscription.next().await, Ok(Delivery::CaughtUp(0)));
    let mut sealer = with_log(&*store, "a", 1).await;
    let Delivery::Events(events) = subscription.next().await.expect("a delivery") else { panic!() };
    assert_eq!(events.len(), 1);
    assert_eq!(subscription.next().await, Ok(Delivery::CaughtUp(1)));
    assert_eq!(subscription.position(), 2);
    // Nothing new: it waits, and a wait that is given up loses nothing.
    tokio::select! {
        biased;
        delivery = subscription.next() => panic!("{delivery:?}"),
        () = std::future::ready(()) => {}
    }
    commit(&store, vec![sealer.append("s-1", 2)]).await;
    let Delivery::Events(events) = subscription.next().await.expect("a delivery") else { panic!() };
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(subscription.next().await, Ok(Delivery::CaughtUp(3)));
}

/// What comes soon after a delivery is gathered. Not waited for: the first delivery, a full page, and when someone is in
/// a hurry.
pub async fn gathers_while_events_keep_coming(store: Store) {
    let mut sealer = with_log(&*store, "a", 1).await;
    let hurry = Arc::new(Notify::new());
    // Longer than any test runs: what is given before that was not waited for.
    let every = Duration::from_secs(3600);
    let mut subscription =
        Subscription::new(events_of(&store), 0, Filter::default()).page(3).gather(every, Arc::clone(&hurry));
    assert_eq!(positions(&mut subscription).await, [1]);
    assert_eq!(subscription.next().await, Ok(Delivery::CaughtUp(1)));
    commit(&store, vec![sealer.append("s-1", 1)]).await;
    tokio::select! {
        biased;
        delivery = subscription.next() => panic!("{delivery:?}"),
        () = std::future::ready(()) => {}
    }
    hurry.notify_one();
    assert_eq!(positions(&mut subscription).await, [2]);
    commit(&store, vec![sealer.append("s-1", 3)]).await;
    assert_eq!(positions(&mut subscription).await, [3, 4, 5]);
}

async fn positions(subscription: &mut Subscription) -> Vec<u64> {
    let Delivery::Events(events) = subscription.next().await.expect("a delivery") else { panic!() };
    events.iter().map(|event| event.position).collect()
}

/// A filter never stops a subscriber: it catches up over what does not pass.
pub async fn follows_from_any_position_and_through_filters(store: Store) {
    let mut a = with_log(&*store, "a", 1).await;
    let mut b = with_log(&*store, "b", 2).await;
    commit(&store, vec![a.append("s-1", 10), b.append("s-1", 10)]).await;
    let other = |sealer: &mut Sealer| Append::new(vec![sealer.event("s-2", OTHER_TYPE)]).expect("an append");
    commit(&store, vec![other(&mut a), b.append("s-1", 5)]).await;

    let mut middle = Subscription::new(events_of(&store), 7, Filter::default()).page(100);
    let Delivery::Events(events) = middle.next().await.expect("a delivery") else { panic!() };
    assert_eq!(events.first().map(|event| event.position), Some(7));
    let mut beyond = Subscription::new(events_of(&store), 1000, Filter::default());
    assert_eq!(beyond.next().await, Ok(Delivery::CaughtUp(999)));

    let types = vec![OTHER_TYPE.to_owned()];
    let filter = Filter { tenant: Some(a.tenant().clone()), types, ..Filter::default() };
    let mut filtered = Subscription::new(events_of(&store), 0, filter);
    let Delivery::Events(events) = filtered.next().await.expect("a delivery") else { panic!() };
    assert_eq!(events.len(), 1);
    assert_eq!(filtered.next().await, Ok(Delivery::CaughtUp(28)));
    commit(&store, vec![b.append("s-1", 1)]).await;
    assert_eq!(filtered.next().await, Ok(Delivery::CaughtUp(29)));
}
