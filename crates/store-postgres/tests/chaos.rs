//! A server that is killed, hung and cut off while two processes write and two follow (R7 of security.md).
//!
//! `LEDGER_TEST_LONG=1`: 200 times.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ledger::clock::{Entropy, SeededEntropy};
use ledger_store::conformance::{Sealer, insist};
use ledger_store::verify::verify_events;
use ledger_store::{Delivery, EventStore, Filter, SideStore, StoreError, Subscription};
use ledger_store_postgres::{PostgresOptions, PostgresStore};
use support::chaos::{ChaosServer, Proxy};
use tokio_postgres::Config;

const WRITERS: usize = 8;

async fn open(config: Config) -> Arc<PostgresStore> {
    let options = PostgresOptions {
        idle_in_transaction: Duration::from_millis(500),
        poll: Duration::from_millis(100),
        ..PostgresOptions::new(config)
    };
    loop {
        match PostgresStore::open(options.clone()).await {
            Ok(store) => return Arc::new(store),
            // It is starting.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Follows until `done` and the end is reached; the positions that were given.
async fn follow(store: Arc<PostgresStore>, done: Arc<AtomicBool>, total: Arc<AtomicUsize>) -> Vec<u64> {
    let events: Arc<dyn EventStore> = store;
    let mut subscription = Subscription::new(events, 0, Filter::default()).page(17);
    let mut seen = Vec::new();
    while !done.load(Ordering::SeqCst) || seen.len() < total.load(Ordering::SeqCst) {
        match tokio::time::timeout(Duration::from_millis(100), subscription.next()).await {
            Ok(Ok(Delivery::Events(events))) => seen.extend(events.iter().map(|event| event.position)),
            Ok(Ok(Delivery::CaughtUp(_))) | Ok(Err(StoreError::Unavailable { .. })) | Err(_) => {}
            Ok(Err(error)) => panic!("{error:?}"),
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_hung_and_cut_off_nothing_is_lost_doubled_or_skipped() {
    let long = std::env::var_os("LEDGER_TEST_LONG").is_some_and(|value| value == "1");
    let (faults, dice) = (if long { 200 } else { 9 }, SeededEntropy::new(7));
    let mut server = ChaosServer::start();
    drop(support::client(&server.config("postgres")).await.batch_execute("CREATE DATABASE chaos").await);
    let proxies = [Proxy::to(server.port()), Proxy::to(server.port())];
    let mut stores = Vec::new();
    for proxy in &proxies {
        stores.push(open(server.through(proxy, "chaos")).await);
    }
    let mut sealer = Sealer::new("a", 1);
    stores[0].put_log(sealer.log(Some(1))).await.unwrap();
    insist(&*stores[0], &sealer.genesis()).await;
    let (done, total, sealer) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(1)),
        Arc::new(std::sync::Mutex::new(sealer)),
    );
    let written_all = Arc::new(AtomicBool::new(false));
    let followers: Vec<_> = stores
        .iter()
        .map(|store| tokio::spawn(follow(store.clone(), written_all.clone(), total.clone())))
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, sealer) = (stores[writer % 2].clone(), sealer.clone());
            let (done, total) = (done.clone(), total.clone());
            tokio::spawn(async move {
                let mut written = 0;
                while !done.load(Ordering::SeqCst) {
                    let append = sealer.lock().unwrap().append(&format!("s-{writer}"), 1);
                    insist(&*store, &append).await;
                    written += 1;
                    total.fetch_add(1, Ordering::SeqCst);
                }
                written
            })
        })
        .collect();
    for fault in 0..faults {
        let before = total.load(Ordering::SeqCst);
        let mut byte = [0];
        dice.fill(&mut byte);
        match fault % 3 {
            0 => proxies[usize::from(byte[0]) % 2].cut(),
            1 => server.kill(),
            _ => {
                let while_hung = async {
                    // Long enough that a commit is in the air, and cut off in that state every second time.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    if byte[0] % 2 == 0 {
                        proxies[0].cut();
                    }
                };
                assert!(server.hang(while_hung).await > 1, "its connections stand still too");
            }
        }
        // Everybody goes on after each of them.
        let moving = async {
            while total.load(Ordering::SeqCst) < before + WRITERS {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), moving).await.expect("nobody is stalled");
    }
    done.store(true, Ordering::SeqCst);
    let mut written = Vec::new();
    for writer in writers {
        written.push(writer.await.unwrap());
    }
    written_all.store(true, Ordering::SeqCst);
    let all = total.load(Ordering::SeqCst) as u64;
    for follower in followers {
        assert_eq!(follower.await.unwrap(), (1..=all).collect::<Vec<_>>(), "none skipped, none twice");
    }
    let fresh = open(server.config("chaos")).await;
    let tenant = sealer.lock().unwrap().tenant().clone();
    for (writer, written) in written.iter().enumerate() {
        let name = format!("s-{writer}");
        let head = fresh.stream_head(&tenant, &name.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(
            (head.seq + 1, Some(head.hash)),
            (*written, sealer.lock().unwrap().head(&name).map(|head| head.hash))
        );
    }
    let report = verify_events(&*fresh, &*fresh, |_, _| {}).await.unwrap();
    assert!(report.holds(), "{:?}", report.failures);
    assert_eq!(report.events, all);
    println!("{faults} faults, {all} events acknowledged: 0 lost, 0 doubled, 0 skipped");
}
