//! Bulk append through the committer: `cargo bench -p ledger-store-sqlite --bench append -- [events] [streams]
//! [batch] [writers] [prefill]`. Events are sealed before the clock starts.

use std::sync::Arc;

use ledger::clock::Stopwatch;
use ledger_store::conformance::Sealer;
use ledger_store::{Append, EventStore, SideStore, Verdict};
use ledger_store_sqlite::{SqliteStore, StoreOptions};

fn main() {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse::<usize>().ok());
    let mut arg = |default| args.next().unwrap_or(default);
    let (events, streams, batch, writers, prefill) = (arg(200_000), arg(1), arg(512), arg(8), arg(0));
    let dir = tempfile::tempdir_in(".").expect("a directory for the store");
    let options = StoreOptions::new(dir.path(), dir.path().join("heads"), [7; 32]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let store = Arc::new(SqliteStore::open(options).expect("a store"));
    let mut sealer = Sealer::new("tenant", 1);
    sealer.filling = 220;
    runtime.block_on(async {
        store.put_log(sealer.log(Some(1))).await.expect("a log");
        store.append(vec![sealer.genesis()]).await.expect("a genesis");
    });
    let mut left = prefill;
    while left > 0 {
        let now = left.min(200_000);
        run(&runtime, &store, seal(&mut sealer, now, streams), 1000, 4, "prefill");
        left -= now;
    }
    let appends = seal(&mut sealer, events, streams);
    run(&runtime, &store, appends, batch, writers, "append");
    let cpu = std::fs::read_to_string("/proc/self/status").expect("a process");
    let rss = cpu.lines().find(|line| line.starts_with("VmRSS")).expect("a size");
    println!("{rss}");
    for file in std::fs::read_dir(dir.path()).expect("files") {
        let file = file.expect("a file");
        println!("{:?} {} KiB", file.file_name(), file.metadata().expect("a size").len() >> 10);
    }
    let watch = Stopwatch::start();
    drop(store);
    println!("closed in {:?}", watch.elapsed());
    let options = StoreOptions::new(dir.path(), dir.path().join("heads"), [7; 32]);
    let watch = Stopwatch::start();
    let store = SqliteStore::open(options).expect("a store");
    println!("opened in {:?}", watch.elapsed());
    drop(store);
}

fn seal(sealer: &mut Sealer, events: usize, streams: usize) -> Vec<Append> {
    let mut random = 12345_u64;
    let mut appends = Vec::with_capacity(events);
    for _ in 0..events {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        appends.push(sealer.append(&format!("evidence-{}", (random >> 33) as usize % streams), 1));
    }
    appends
}

fn run(
    runtime: &tokio::runtime::Runtime,
    store: &Arc<SqliteStore>,
    appends: Vec<Append>,
    batch: usize,
    writers: usize,
    name: &str,
) {
    let count = appends.len();
    let mut batches = Vec::new();
    let mut appends = appends.into_iter();
    loop {
        let next: Vec<Append> = appends.by_ref().take(batch).collect();
        if next.is_empty() {
            break;
        }
        batches.push(next);
    }
    // In order: a stream's events must arrive in the order they were sealed.
    let (sender, receiver) = tokio::sync::mpsc::channel(writers);
    let watch = Stopwatch::start();
    let mut latencies = runtime.block_on(async {
        let feed = async move {
            for batch in batches {
                sender.send(batch).await.expect("the other end waits");
            }
        };
        let mut receiver = receiver;
        let drive = async {
            let mut running = std::collections::VecDeque::new();
            let mut latencies = Vec::new();
            while let Some(batch) = receiver.recv().await {
                let store = store.clone();
                let started = Stopwatch::start();
                running.push_back(Box::pin(async move {
                    let verdicts = store.append(batch).await.expect("an append");
                    assert!(verdicts.iter().all(|v| matches!(v, Verdict::Committed { .. })), "{verdicts:?}");
                    started.elapsed()
                }));
                // Poll once so that it is queued in order.
                let last = running.back_mut().expect("it was just pushed");
                tokio::select! { biased; done = last.as_mut() => { latencies.push(done); running.pop_back(); } _ = std::future::ready(()) => {} }
                while running.len() >= writers {
                    latencies.push(running.pop_front().expect("there are some").await);
                }
            }
            for task in running {
                latencies.push(task.await);
            }
            latencies
        };
        tokio::join!(feed, drive).1
    });
    let elapsed = watch.elapsed();
    latencies.sort();
    println!(
        "{name}: {count} events in {elapsed:?}: {:.0}/s; a batch of {batch}: p50 {:?} p99 {:?}",
        count as f64 / elapsed.as_secs_f64(),
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100]
    );
}
