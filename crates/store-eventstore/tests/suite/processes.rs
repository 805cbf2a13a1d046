//! Several processes on one log: each with an index of its own, one side store.

use std::sync::Arc;
use std::time::Duration;

use ledger::event::{EventHash, Header, entry_bytes};
use ledger::merkle::{leaf_hash, root_of};
use ledger_store::conformance::Sealer;
use ledger_store::{
    Append, CommandRecord, Delivery, EventStore, Filter, Read, SideStore, StoredEvent, Subscription, Verdict,
};
use ledger_store_eventstore::EventStoreDbStore;

use crate::support::{Local, Server};

/// Sends the same append until it is decided; gives how often that was needed.
pub async fn insist(store: &EventStoreDbStore, append: &Append) -> usize {
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
    }
}

pub async fn with_log(store: &EventStoreDbStore) -> Sealer {
    let mut sealer = Sealer::new("a", 1);
    store.put_log(sealer.log(Some(1))).await.unwrap();
    assert_eq!(insist(store, &sealer.genesis()).await, 1);
    sealer
}

/// Everything that a follower is given until it has seen so many events.
pub async fn follow(store: Arc<EventStoreDbStore>, until: u64) -> Vec<StoredEvent> {
    let events: Arc<dyn EventStore> = store;
    let mut subscription = Subscription::new(events, 0, Filter::default()).page(23);
    let mut seen = Vec::new();
    while (seen.len() as u64) < until {
        if let Delivery::Events(events) = subscription.next().await.unwrap() {
            seen.extend(events);
        }
    }
    seen
}

/// Writers on both stores, each on a stream of its own, and followers of both. Gives what they saw, and how often was
/// sent.
pub async fn write_from_two(
    stores: [&Arc<EventStoreDbStore>; 2],
    sealer: &mut Sealer,
    writers: usize,
    each: usize,
) -> ([Vec<StoredEvent>; 2], usize) {
    let total = 1 + (writers * each) as u64;
    let followers = stores.map(|store| tokio::spawn(follow(store.clone(), total)));
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let appends: Vec<Append> = (0..each).map(|_| sealer.append(&format!("s-{writer}"), 1)).collect();
        let store = stores[writer % 2].clone();
        tasks.push(tokio::spawn(async move {
            let mut tries = 0;
            for append in appends {
                tries += insist(&store, &append).await;
            }
            tries
        }));
    }
    let mut tries = 0;
    for task in tasks {
        tries += task.await.unwrap();
    }
    let [one, two] = followers;
    ([one.await.unwrap(), two.await.unwrap()], tries)
}

/// Every stream has every event once, and the tree is that of the entries, which are the server's events.
pub async fn check(server: &Server, store: &EventStoreDbStore, sealer: &Sealer, writers: usize, each: usize) {
    for writer in 0..writers {
        let name = format!("s-{writer}");
        let query = Read::stream(sealer.tenant(), &name.parse().unwrap(), 0).limit(10_000);
        let events = store.read(query).await.unwrap().events;
        assert_eq!(events.len(), each);
        assert_eq!(Some(EventHash::of(&events[each - 1].header)), sealer.head(&name).map(|head| head.hash));
    }
    let events = store.read(Read::log(sealer.tenant(), 0).limit(10_000)).await.unwrap().events;
    let entries: Vec<Vec<u8>> = events
        .iter()
        .map(|event| entry_bytes(&event.header, &event.signature, Header::parse(&event.header).unwrap().kid))
        .collect();
    let head = store.log_head(sealer.tenant()).await.unwrap().unwrap();
    let leaves = entries.iter().map(|entry| leaf_hash(entry));
    assert_eq!((head.size, head.root), (events.len() as u64, root_of(leaves)));
    if let Some(cluster) = &server.cluster {
        let stream = format!("{}log-a", server.prefix);
        let stored: Vec<Vec<u8>> = cluster
            .events()
            .into_iter()
            .filter(|event| event.stream == stream)
            .map(|event| event.data.to_vec())
            .collect();
        assert_eq!(stored, entries, "the server has the entries, byte for byte, each once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_make_one_history() {
    let server = Server::start(1).await;
    let first = Local::new();
    let second = first.sharing();
    let one = Arc::new(first.open(&server).await.unwrap());
    let two = Arc::new(second.open(&server).await.unwrap());
    let mut sealer = with_log(&one).await;
    let ([seen, also], tries) = write_from_two([&one, &two], &mut sealer, 8, 25).await;
    assert_eq!(tries, 8 * 25, "nothing had to be sent twice");
    assert_eq!(seen.iter().map(|event| event.position).collect::<Vec<_>>(), (1..=201).collect::<Vec<_>>());
    assert_eq!(seen, also, "the same events at the same indexes and positions");
    for store in [&one, &two] {
        check(&server, store, &sealer, 8, 25).await;
    }
    assert_eq!(one.log_head(sealer.tenant()).await, two.log_head(sealer.tenant()).await);
}

/// Both append to the same stream at the same revision, again and again: one is committed, the other is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_has_one_winner() {
    let server = Server::start(1).await;
    let first = Local::new();
    let (one, two) = (first.open(&server).await.unwrap(), first.sharing().open(&server).await.unwrap());
    let mut sealer = with_log(&one).await;
    for round in 0..30 {
        let head = sealer.head("s-1");
        let mine = sealer.append("s-1", 1);
        let after_mine = sealer.head("s-1");
        sealer.rewind("s-1", head);
        let theirs = sealer.append("s-1", 1);
        let (a, b) = tokio::join!(one.append(vec![mine]), two.append(vec![theirs]));
        let (a, b) = (a.unwrap().remove(0), b.unwrap().remove(0));
        let won = |verdict: &Verdict| matches!(verdict, Verdict::Committed { .. });
        let told = |verdict: &Verdict| matches!(verdict, Verdict::WrongRevision { current: Some(_) });
        assert!((won(&a) && told(&b)) || (told(&a) && won(&b)), "round {round}: {a:?} {b:?}");
        if won(&a) {
            sealer.rewind("s-1", after_mine);
        }
    }
    check(&server, &one, &sealer, 0, 0).await;
}

/// A process that has not looked for a long time refuses nothing that stands on what others have written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_given_on_the_log_as_it_is() {
    let server = Server::start(1).await;
    let first = Local::new();
    let one = first.open(&server).await.unwrap();
    let never = Duration::from_secs(3600);
    let two = first.sharing().looking(&server, never).await.unwrap();
    let mut sealer = with_log(&one).await;
    insist(&one, &sealer.append("s-1", 3)).await;
    insist(&two, &sealer.append("s-1", 1)).await;
    insist(&one, &sealer.rotate(7)).await;
    insist(&two, &sealer.append("s-1", 1)).await;
    sealer.rewind("s-1", None);
    let refused = two.append(vec![sealer.append("s-1", 1)]).await.unwrap().remove(0);
    assert!(
        matches!(refused, Verdict::WrongRevision { current: Some(head) } if head.seq == 4),
        "{refused:?}"
    );
}

/// What stands beside the log is shared: a command of one process is known to the other, and its disclosures are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_disclosures_are_shared_and_erased_everywhere() {
    let server = Server::start(1).await;
    let first = Local::new();
    let (one, two) = (first.open(&server).await.unwrap(), first.sharing().open(&server).await.unwrap());
    let mut sealer = with_log(&one).await;
    let tenant = sealer.tenant().clone();
    let ann = "ann".parse().unwrap();
    let command = |body| CommandRecord { id: "c-1".parse().unwrap(), body_mac: [body; 32] };
    let events = vec![sealer.withheld("s-1", "ann"), sealer.withheld("s-1", "bob")];
    let append = Append::new(events.clone()).unwrap().with_command(command(1));
    let verdict = one.append(vec![append]).await.unwrap().remove(0);
    assert_eq!(verdict, Verdict::Committed { first_index: 1, last_index: 2, position: 3 });

    let again = two.append(vec![sealer.append("s-2", 1).with_command(command(1))]).await.unwrap().remove(0);
    let Verdict::Duplicate(receipt) = again else { panic!("{again:?}") };
    assert_eq!((receipt.first_index, receipt.last_index, receipt.position), (1, 2, 3));
    sealer.rewind("s-2", None);
    let other = two.append(vec![sealer.append("s-2", 1).with_command(command(2))]).await.unwrap().remove(0);
    assert_eq!(other, Verdict::CommandConflict);
    let known = two.disclosures(&tenant, &[1, 2]).await.unwrap();
    assert_eq!(known.len(), 4);
    assert_eq!(
        known.iter().map(|d| &d.disclosure).collect::<Vec<_>>(),
        events.iter().flat_map(|event| &event.disclosures).collect::<Vec<_>>()
    );

    // The event that says so takes them out of every index, as it comes in, and out of the side store.
    let erased = Append::new(vec![sealer.event("subject-ann", "ledger.subject.erased.v1")]).unwrap();
    insist(&two, &erased).await;
    follow(Arc::new(one), 4).await;
    let third = first.sharing().open(&server).await.unwrap();
    for store in [&two, &third] {
        assert_eq!(store.disclosures_of(&tenant, &ann).await.unwrap(), []);
        assert_eq!(store.disclosures(&tenant, &[1, 2]).await.unwrap().len(), 3);
    }
}
