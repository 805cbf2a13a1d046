//! What the store costs: `cargo bench -p ledger-store-sqlite --bench store -- [measure] [key=value…]`.
//!
//! Measures: `append` (default), `single`, `read`, `open`. Keys: `events`, `streams`, `tenants`, `batch`, `writers`,
//! `prefill`, `commands` (0, 1: ids in time order, 2: random ids). Events are sealed before the clock starts. The
//! reference of `append` is the same rows with the same transactions and syncs, without signatures, hashes, trees
//! and checks.

mod floor;
mod load;

use std::collections::HashMap;
use std::sync::Arc;

use ledger::clock::Stopwatch;
use ledger_store::{Direction, EventStore, Read};
use ledger_store_sqlite::{SqliteStore, StoreOptions, verify_store};
use load::Load;

fn main() {
    let mut settings: HashMap<String, usize> = HashMap::new();
    let mut measure = "append".to_owned();
    for arg in std::env::args().skip(1).filter(|arg| !arg.starts_with('-')) {
        match arg.split_once('=') {
            Some((key, value)) => _ = settings.insert(key.to_owned(), value.parse().expect("a number")),
            None => measure = arg,
        }
    }
    let load = Load::new(&settings);
    let dir = tempfile::tempdir_in(".").expect("a directory for the store");
    let options = StoreOptions::new(dir.path(), dir.path().join("heads"), [7; 32]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let store = Arc::new(SqliteStore::open(options.clone()).expect("a store"));
    let mut load = runtime.block_on(load.prepare(&store));
    match measure.as_str() {
        "append" | "single" => {
            let rate = load.run(&runtime, &store);
            let floor = floor::rate(dir.path(), &load);
            println!("floor (same rows, unsigned): {floor:.0}/s; ratio {:.2}", rate / floor);
        }
        "read" => read(&runtime, &store, &load),
        "open" => {}
        other => panic!("no measure {other:?}"),
    }
    println!("memory {} MiB, {}", resident_mib(), sizes(dir.path()));
    drop(load);
    let watch = Stopwatch::start();
    drop(store);
    println!("closed in {:?}", watch.elapsed());
    let watch = Stopwatch::start();
    let store = SqliteStore::open(options.clone()).expect("a store");
    println!("opened in {:?}, memory {} MiB", watch.elapsed(), resident_mib());
    drop(store);
    if measure == "open" {
        let watch = Stopwatch::start();
        let report = verify_store(&options, |_, _| {}).expect("a store");
        assert!(report.holds(), "{:?}", report.failures);
        println!("verified {} events in {:?}, memory {} MiB", report.events, watch.elapsed(), resident_mib());
    }
}

fn read(runtime: &tokio::runtime::Runtime, store: &SqliteStore, load: &Load) {
    runtime.block_on(async {
        let watch = Stopwatch::start();
        let (mut from, mut count) = (1, 0);
        loop {
            let page = store.read(Read::all(from).limit(2000)).await.expect("a page");
            (from, count) = (page.next, count + page.events.len());
            if page.end {
                break;
            }
        }
        println!("all: {count} events, {:.0}/s", count as f64 / watch.elapsed().as_secs_f64());
        let (tenant, stream) = load.a_stream();
        for (limit, direction) in
            [(1, Direction::Backward), (50, Direction::Forward), (1000, Direction::Forward)]
        {
            let rounds = 20_000 / limit.max(20);
            let watch = Stopwatch::start();
            let mut count = 0;
            for _ in 0..rounds {
                let mut query = Read::stream(&tenant, &stream, 0).limit(limit);
                query.direction = direction;
                count += store.read(query).await.expect("a page").events.len();
            }
            let each = watch.elapsed() / u32::try_from(rounds).expect("few");
            println!("stream, {limit} {direction:?}: {each:?} for {} events", count / rounds);
        }
        let watch = Stopwatch::start();
        for _ in 0..5000 {
            store.stream_head(&tenant, &stream).await.expect("a head");
        }
        println!("stream head: {:?}", watch.elapsed() / 5000);
    });
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) >> 10
}

fn sizes(dir: &std::path::Path) -> String {
    let mib = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |file| file.len() >> 20);
    format!("database {} MiB, write-ahead log {} MiB", mib("events.db"), mib("events.db-wal"))
}
