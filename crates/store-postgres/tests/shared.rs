//! Several processes on one database, and a server that breaks their connections (R7 of security.md).

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ledger_store::conformance::{check_written, insist, with_log, write_from_two};
use ledger_store::leases::Leases;
use ledger_store::{EventStore, Read};
use ledger_store_postgres::{PostgresOptions, PostgresStore};
use tokio_postgres::{Config, NoTls};

async fn open(config: &Config) -> Arc<PostgresStore> {
    let mut options = PostgresOptions::new(config.clone());
    options.idle_in_transaction = Duration::from_millis(300);
    Arc::new(PostgresStore::open(options).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_make_one_history() {
    let config = support::database().await;
    let (one, two) = (open(&config).await, open(&config).await);
    let mut sealer = with_log(&*one, "a", 1).await;
    let tries = write_from_two([&one, &two], &mut sealer, 8, 25).await;
    assert_eq!(tries, 8 * 25, "nothing had to be sent twice");
    check_written(&*two, &sealer, 8, 25).await;
}

/// A process reads events of a type that it has never seen, more of them than a connection buffers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_another_process_has_numbered_stalls_no_reader() {
    let config = support::database().await;
    let (one, two) = (open(&config).await, open(&config).await);
    let mut sealer = with_log(&*one, "a", 1).await;
    insist(&*one, &sealer.append("s-1", 900)).await;
    let page = tokio::time::timeout(Duration::from_secs(60), two.read(Read::all(1).limit(1000))).await;
    let events = page.expect("it is answered").unwrap().events;
    assert_eq!(events.len(), 901);
    assert_eq!(events, one.read(Read::all(1).limit(1000)).await.unwrap().events);
}

/// All connections are cut again and again while both write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing_and_double_nothing() {
    let config = support::database().await;
    let (one, two) = (open(&config).await, open(&config).await);
    let mut sealer = with_log(&*one, "a", 1).await;
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
    let tries = write_from_two([&one, &two], &mut sealer, 8, 40).await;
    running.store(false, Ordering::SeqCst);
    let cuts = cutter.await.unwrap();
    let fresh = open(&config).await;
    check_written(&*fresh, &sealer, 8, 40).await;
    println!("cut connections: {cuts}, sent again: {}", tries - 8 * 40);
    assert!(cuts > 0);
}

/// A process that was cut off in the middle of a transaction holds the lock until the server ends its session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_cut_off_does_not_stall_the_others() {
    let config = support::database().await;
    let store = open(&config).await;
    let mut sealer = with_log(&*store, "a", 1).await;
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET idle_in_transaction_session_timeout = 300; BEGIN").await.unwrap();
    client.query_one("SELECT position FROM store FOR UPDATE", &[]).await.unwrap();
    assert_eq!(insist(&*store, &sealer.append("s-1", 1)).await, 1);
    assert!(client.query_one("SELECT 1", &[]).await.is_err(), "the server has ended the idle session");
}

/// Events are refused any change by the database itself.
#[tokio::test]
async fn the_database_refuses_to_change_or_delete_an_event() {
    let config = support::database().await;
    let store = open(&config).await;
    with_log(&*store, "a", 1).await;
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
