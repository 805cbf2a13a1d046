//! Several processes on one log: writers that insist, followers that see everything, and what must have become of it.

use std::sync::Arc;

use ledger::event::{EventHash, Header, entry_bytes};
use ledger::merkle::{leaf_hash, root_of};

use super::Sealer;
use crate::append::{Append, Verdict};
use crate::contract::EventStore;
use crate::error::StoreError;
use crate::read::{Filter, Read, StoredEvent};
use crate::subscription::{Delivery, Subscription};

/// Sends the same append until it is committed; gives how often that was needed.
pub async fn insist<S: EventStore + ?Sized>(store: &S, append: &Append) -> usize {
    let mut tries = 1;
    loop {
        match store.append(vec![append.clone()]).await {
            Ok(verdicts) => {
                assert!(matches!(verdicts[..], [Verdict::Committed { .. }]), "{verdicts:?}");
                return tries;
            }
            Err(error) => assert!(error.retryable(), "{error:?}"),
        }
        tries += 1;
        // The server is being restarted, or the connection is: let others work.
        tokio::task::yield_now().await;
    }
}

/// Everything that a subscriber is given until it has so many events, over a store that is away at times.
pub async fn follow_all(store: Arc<dyn EventStore>, until: u64) -> Vec<StoredEvent> {
    let mut subscription = Subscription::new(store, 0, Filter::default()).page(23);
    let mut seen = Vec::new();
    while (seen.len() as u64) < until {
        match subscription.next().await {
            Ok(Delivery::Events(events)) => seen.extend(events),
            Ok(Delivery::CaughtUp(_)) => {}
            Err(StoreError::Unavailable { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
    seen
}

/// Writers on both stores of one log that has its genesis alone, each on a stream of its own, and a follower of each
/// store, which must see every position once, in order. Gives how often was sent.
pub async fn write_from_two<S: EventStore>(
    stores: [&Arc<S>; 2],
    sealer: &mut Sealer,
    writers: usize,
    each: usize,
) -> usize {
    let total = 1 + (writers * each) as u64;
    let followers = stores.map(|store| tokio::spawn(follow_all(store.clone(), total)));
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let appends: Vec<Append> = (0..each).map(|_| sealer.append(&format!("s-{writer}"), 1)).collect();
        let store = stores[writer % 2].clone();
        tasks.push(tokio::spawn(async move {
            let mut tries = 0;
            for append in appends {
                tries += insist(&*store, &append).await;
            }
            tries
        }));
    }
    let mut tries = 0;
    for task in tasks {
        tries += task.await.expect("a writer");
    }
    let [one, two] = followers;
    let (one, two) = (one.await.expect("a follower"), two.await.expect("a follower"));
    let positions: Vec<u64> = one.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=total).collect::<Vec<_>>(), "none skipped, none twice");
    assert_eq!(one, two, "the same events at the same indexes and positions");
    tries
}

/// Every stream of [`write_from_two`] has every event once, and the tree is that of the entries, which are given.
pub async fn check_written<S: EventStore + ?Sized>(
    store: &S,
    sealer: &Sealer,
    writers: usize,
    each: usize,
) -> Vec<Vec<u8>> {
    for writer in 0..writers {
        let name = format!("s-{writer}");
        let stream = name.parse().expect("the suite's streams are valid");
        let query = Read::stream(sealer.tenant(), &stream, 0).limit(10_000);
        let events = store.read(query).await.expect("a page").events;
        assert_eq!(events.len(), each);
        assert_eq!(Some(EventHash::of(&events[each - 1].header)), sealer.head(&name).map(|head| head.hash));
    }
    let events = store.read(Read::log(sealer.tenant(), 0).limit(10_000)).await.expect("a page").events;
    let entry = |event: &StoredEvent| {
        let kid = Header::parse(&event.header).expect("a header").kid;
        entry_bytes(&event.header, &event.signature, kid)
    };
    let entries: Vec<Vec<u8>> = events.iter().map(entry).collect();
    let head = store.log_head(sealer.tenant()).await.expect("an answer").expect("a log");
    let leaves = entries.iter().map(|entry| leaf_hash(entry));
    assert_eq!((head.size, head.root), (events.len() as u64, root_of(leaves)));
    entries
}
