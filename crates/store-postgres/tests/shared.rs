//! Several processes on one database, and a server that breaks their connections (R7 of security.md).

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger::event::{EventHash, Header, entry_bytes};
use ledger::merkle::{leaf_hash, root_of};
use ledger_store::conformance::Sealer;
use ledger_store::leases::Leases;
use ledger_store::{
    Append, Delivery, EventStore, Filter, Read, SideStore, StoreError, Subscription, Verdict,
};
use ledger_store_postgres::{PostgresOptions, PostgresStore};
use tokio_postgres::{Config, NoTls};

async fn open(config: &Config) -> Arc<PostgresStore> {
    let mut options = PostgresOptions::new(config.clone());
    options.idle_in_transaction = Duration::from_millis(300);
    Arc::new(PostgresStore::open(options).await.unwrap())
}

async fn with_log(store: &PostgresStore) -> Sealer {
    let mut sealer = Sealer::new("a", 1);
    store.put_log(sealer.log(Some(1))).await.unwrap();
    store.append(vec![sealer.genesis()]).await.unwrap();
    sealer
}

/// Sends the same append until it is decided; gives how often that was needed.
async fn insist(store: &PostgresStore, append: &Append) -> usize {
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

async fn follow(store: Arc<PostgresStore>, until: u64) -> Vec<u64> {
    let events: Arc<dyn EventStore> = store;
    let mut subscription = Subscription::new(events, 0, Filter::default()).page(23);
    let mut seen = Vec::new();
    while (seen.len() as u64) < until {
        match subscription.next().await {
            Ok(Delivery::Events(events)) => seen.extend(events.iter().map(|event| event.position)),
            Ok(Delivery::CaughtUp(_)) => {}
            Err(StoreError::Unavailable { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
    seen
}

type Pair = (Arc<PostgresStore>, Arc<PostgresStore>);

/// Writers on both stores, each on a stream of its own; subscribers on both. Gives how often was sent.
async fn write_from_two((one, two): &Pair, sealer: &mut Sealer, writers: usize, each: usize) -> usize {
    let total = 1 + (writers * each) as u64;
    let followers = [tokio::spawn(follow(one.clone(), total)), tokio::spawn(follow(two.clone(), total))];
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let appends: Vec<Append> = (0..each).map(|_| sealer.append(&format!("s-{writer}"), 1)).collect();
        let store = if writer % 2 == 0 { one.clone() } else { two.clone() };
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
    for follower in followers {
        assert_eq!(follower.await.unwrap(), (1..=total).collect::<Vec<_>>(), "none skipped, none twice");
    }
    tries
}

/// Every stream has every event once, and the tree is that of the entries.
async fn check(store: &PostgresStore, sealer: &Sealer, writers: usize, each: usize) {
    for writer in 0..writers {
        let name = format!("s-{writer}");
        let query = Read::stream(sealer.tenant(), &name.parse().unwrap(), 0).limit(10_000);
        let events = store.read(query).await.unwrap().events;
        assert_eq!(events.len(), each);
        assert_eq!(Some(EventHash::of(&events[each - 1].header)), sealer.head(&name).map(|head| head.hash));
    }
    let events = store.read(Read::log(sealer.tenant(), 0).limit(10_000)).await.unwrap().events;
    let leaves = events.iter().map(|event| {
        let kid = Header::parse(&event.header).unwrap().kid;
        leaf_hash(&entry_bytes(&event.header, &event.signature, kid))
    });
    let head = store.log_head(sealer.tenant()).await.unwrap().unwrap();
    assert_eq!((head.size, head.root), (events.len() as u64, root_of(leaves)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_make_one_history() {
    let config = support::database().await;
    let pair = (open(&config).await, open(&config).await);
    let mut sealer = with_log(&pair.0).await;
    let tries = write_from_two(&pair, &mut sealer, 8, 25).await;
    assert_eq!(tries, 8 * 25, "nothing had to be sent twice");
    check(&pair.1, &sealer, 8, 25).await;
}

/// All connections are cut again and again while both write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing_and_double_nothing() {
    let config = support::database().await;
    let pair = (open(&config).await, open(&config).await);
    let mut sealer = with_log(&pair.0).await;
    let running = Arc::new(AtomicBool::new(true));
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let going = running.clone();
    let cutter = tokio::spawn(async move {
        let mut cuts = 0_u64;
        while going.load(Ordering::SeqCst) {
            // Those at work on a commit first: that is where an outcome becomes unknown.
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid()
                         AND (state <> 'idle' OR random() < 0.2)";
            let cut: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
            cuts += u64::try_from(cut).unwrap();
            client.query_one("SELECT pg_sleep(0.03)", &[]).await.unwrap();
        }
        cuts
    });
    let tries = write_from_two(&pair, &mut sealer, 8, 40).await;
    running.store(false, Ordering::SeqCst);
    let cuts = cutter.await.unwrap();
    let fresh = open(&config).await;
    check(&fresh, &sealer, 8, 40).await;
    println!("cut connections: {cuts}, sent again: {}", tries - 8 * 40);
    assert!(cuts > 0);
}

/// A process that was cut off in the middle of a transaction holds the lock until the server ends its session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_cut_off_does_not_stall_the_others() {
    let config = support::database().await;
    let store = open(&config).await;
    let mut sealer = with_log(&store).await;
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET idle_in_transaction_session_timeout = 300; BEGIN").await.unwrap();
    client.query_one("SELECT position FROM store FOR UPDATE", &[]).await.unwrap();
    assert_eq!(insist(&store, &sealer.append("s-1", 1)).await, 1);
    assert!(client.query_one("SELECT 1", &[]).await.is_err(), "the server has ended the idle session");
}

/// Events are refused any change by the database itself.
#[tokio::test]
async fn the_database_refuses_to_change_or_delete_an_event() {
    let config = support::database().await;
    let store = open(&config).await;
    with_log(&store).await;
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    for statement in ["UPDATE events SET kind = 2", "DELETE FROM events", "TRUNCATE events"] {
        let refused = client.batch_execute(statement).await.unwrap_err();
        assert!(refused.as_db_error().unwrap().message().contains("never"), "{statement}");
    }
}

/// What one process at a time may do is done by one; the next one takes over with a larger epoch.
#[tokio::test]
async fn a_lease_has_one_holder_and_an_older_epoch_keeps_nothing() {
    let config = support::database().await;
    let (one, two) = (open(&config).await, open(&config).await);
    let names = ["a".to_owned(), "b".to_owned()];
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(1));
    assert_eq!(one.hold(&names, "one", long).await.unwrap(), [Some(1), Some(1)]);
    assert_eq!(two.hold(&names, "two", long).await.unwrap(), [None, None]);
    // Holding it again keeps the epoch, and may shorten the time.
    assert_eq!(one.hold(&names[..1], "one", short).await.unwrap(), [Some(1)]);
    assert!(one.keep_place("a", 1, b"so far").await.unwrap());
    let taken = loop {
        if let [Some(epoch)] = two.hold(&names[..1], "two", long).await.unwrap()[..] {
            break epoch;
        }
    };
    assert_eq!(taken, 2);
    // The old holder has not noticed: its place is refused, the new holder goes on from the one before.
    assert!(!one.keep_place("a", 1, b"further").await.unwrap());
    assert_eq!(two.place("a").await.unwrap(), b"so far");
    assert!(two.keep_place("a", 2, b"further").await.unwrap());
    // Given back, it is free at once; its epoch never goes back.
    two.release(&names[..1], "two").await.unwrap();
    assert_eq!(one.hold(&names, "one", long).await.unwrap(), [Some(3), Some(1)]);
    let held: Vec<String> = two.leases().await.unwrap().into_iter().map(|lease| lease.holder).collect();
    assert_eq!(held, ["one", "one"]);
}
