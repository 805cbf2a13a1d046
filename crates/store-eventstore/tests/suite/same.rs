//! One sequence of sealed entries gives the same roots, tiles and digests of read models in memory, on SQLite, on
//! PostgreSQL and on EventStoreDB.
//!
//! `LEDGER_TEST_LONG=1`: 100,000 entries.

use std::sync::Arc;
use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger::domain::DomainEvent;
use ledger::event::{Header, entry_bytes};
use ledger::ids::TenantId;
use ledger::merkle::{Hash, leaf_hash, root_of};
use ledger::tile::{TileId, tiles_between};
use ledger_aggregates::AnyEvent;
use ledger_projections::LedgerModels;
use ledger_projections::testing::{Committed, History, workload};
use ledger_store::conformance::{Sealer, Store};
use ledger_store::runner::{RunnerOptions, RunnerStatus, Views};
use ledger_store::views::{MemoryViews, TenantDigests, ViewStore};
use ledger_store::{Append, LogInfo, MemoryStore, Read, StoredEvent, Verdict};
use ledger_store_postgres::{PostgresOptions, PostgresStore, PostgresViews};
use ledger_store_sqlite::{SqliteStore, SqliteViews, StoreOptions};

use crate::postgres;
use crate::support::{Local, Server};

/// Long enough for all entries on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);
/// Appends of one call: a group commit, as a loaded server has it.
const TOGETHER: usize = 500;

#[expect(clippy::disallowed_methods, reason = "the switch of the long tests is an environment variable")]
fn entries() -> usize {
    if std::env::var("LEDGER_TEST_LONG").is_ok_and(|on| on == "1") {
        return 100_000;
    }
    println!("3,000 of 100,000 entries; LEDGER_TEST_LONG=1 takes all");
    3_000
}

/// Entries of two tenants in the order in which they are appended.
struct Sealed {
    logs: Vec<LogInfo>,
    appends: Vec<Append>,
}

/// Seals the events of a history: the same ones give the same bytes.
fn seal(history: &History, tenants: &[TenantId]) -> Sealed {
    let slots = 1..=u8::try_from(tenants.len()).unwrap();
    let mut sealers: Vec<Sealer> =
        tenants.iter().zip(slots.clone()).map(|(tenant, slot)| Sealer::new(tenant.as_str(), slot)).collect();
    let logs = sealers.iter().zip(slots).map(|(sealer, slot)| sealer.log(Some(slot.into()))).collect();
    let mut appends: Vec<Append> = sealers.iter_mut().map(Sealer::genesis).collect();
    for event in &history.events {
        let header = Header::parse(&event.header).unwrap();
        let data = serde_json::from_slice(header.data).unwrap();
        let known = AnyEvent::decode(&header.event_type, &data).unwrap().expect("a type that is known");
        let sealer = sealers.iter_mut().find(|sealer| *sealer.tenant() == event.tenant).unwrap();
        (sealer.now, sealer.actor) = (header.time, header.actor);
        let sealed = sealer.event_of(header.stream.as_str(), known.event_type(), &known.encode());
        appends.push(Append::new(vec![sealed]).unwrap());
    }
    Sealed { logs, appends }
}

/// The same events but for one number in one of them.
fn with_one_changed(history: &History) -> History {
    let (from, to) = (br#""checked":12"#, br#""checked":13"#);
    let mut changed = history.clone();
    let middle = changed.events.len() / 2;
    let (event, at) = changed.events[middle..]
        .iter_mut()
        .find_map(|event| {
            let at = event.header.windows(from.len()).position(|part| part == from)?;
            Some((event, at))
        })
        .expect("evidence comes again and again");
    let mut header = event.header.to_vec();
    header[at..at + to.len()].copy_from_slice(to);
    event.header = header.into();
    changed
}

/// The same entries, but two neighbours of one log, of different streams, come in turn.
fn with_two_swapped(sealed: &Sealed) -> Sealed {
    let mut appends = sealed.appends.clone();
    let middle = appends.len() / 2;
    let swaps = |pair: &[Append]| {
        pair[0].tenant() == pair[1].tenant() && pair[0].first().seq == 0 && pair[1].first().seq == 0
    };
    let at = middle + appends[middle..].windows(2).position(swaps).expect("evidence has streams of its own");
    appends.swap(at, at + 1);
    Sealed { logs: sealed.logs.clone(), appends }
}

/// What became of the entries in a store.
#[derive(PartialEq)]
struct Outcome {
    events: Vec<StoredEvent>,
    roots: Vec<Hash>,
    tiles: Vec<(TileId, Vec<u8>)>,
    digests: Vec<TenantDigests>,
}

async fn append(store: &Store, appends: &[Append]) -> u64 {
    let mut reached = 0;
    for of_one_log in appends.chunk_by(|a, b| a.tenant() == b.tenant()) {
        for group in of_one_log.chunks(TOGETHER) {
            for verdict in store.append(group.to_vec()).await.unwrap() {
                let Verdict::Committed { position, .. } = verdict else { panic!("{verdict:?}") };
                reached = position;
            }
        }
    }
    reached
}

/// Every tile of the log, at the width that it has.
async fn tiles(store: &Store, tenant: &TenantId, size: u64) -> Vec<(TileId, Vec<u8>)> {
    let mut tiles = Vec::new();
    for tile in tiles_between(0, size) {
        tiles.push((tile, store.tile(tenant, &tile).await.unwrap().expect("the log has it")));
    }
    tiles
}

async fn events(store: &Store) -> Vec<StoredEvent> {
    let (mut events, mut from) = (Vec::new(), 1);
    loop {
        let page = store.read(Read::all(from)).await.unwrap();
        events.extend(page.events);
        if page.end {
            return events;
        }
        from = page.next;
    }
}

/// Appends the entries, builds the read models when nine tenths are there, and lets them follow the rest.
async fn outcome(name: &str, store: Store, rows: Arc<dyn ViewStore>, sealed: &Sealed) -> Outcome {
    let watch = Stopwatch::start();
    for log in &sealed.logs {
        store.put_log(log.clone()).await.unwrap();
    }
    let (most, rest) = sealed.appends.split_at(sealed.appends.len() * 9 / 10);
    let built = append(&store, most).await;
    let models = Arc::new(LedgerModels);
    let views = Views::start(models, Arc::clone(&store) as _, rows, RunnerOptions::default());
    views.wait_for_position(built, PATIENCE).await.unwrap();
    let all = append(&store, rest).await;
    views.wait_for_position(all, PATIENCE).await.unwrap();
    assert_eq!(*views.status().borrow(), RunnerStatus::Following);
    assert_eq!(views.poisoned(), []);
    let (mut roots, mut hashes, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    for LogInfo { tenant, .. } in &sealed.logs {
        let head = store.log_head(tenant).await.unwrap().unwrap();
        roots.push(head.root);
        hashes.extend(tiles(&store, tenant, head.size).await);
        digests.push(views.digests(tenant).await.unwrap());
    }
    let report = views.rebuild(|_| {}).await.unwrap();
    assert_eq!((report.position, report.differing), (all, Vec::new()));
    assert!(report.compared > 0);
    views.stop().await;
    let events = events(&store).await;
    println!("{name}: {} entries, {} tiles, in {:?}", events.len(), hashes.len(), watch.elapsed());
    Outcome { events, roots, tiles: hashes, digests }
}

async fn in_memory(name: &str, sealed: &Sealed) -> Outcome {
    let rows = MemoryViews::new(Arc::clone(LedgerModels::schema()));
    outcome(name, Arc::new(MemoryStore::new()), Arc::new(rows), sealed).await
}

/// Roots and digests as the definitions have them, from the events alone.
fn by_definition(sealed: &Sealed, events: &[StoredEvent]) -> (Vec<Hash>, Vec<Vec<String>>) {
    let mut history = History::new();
    history.events.extend(events.iter().map(|event| Committed {
        tenant: event.tenant.clone(),
        index: event.index,
        event_type: Arc::clone(&event.event_type),
        header: Arc::clone(&event.header),
    }));
    let folded = history.fold();
    let root = |tenant: &TenantId| {
        root_of(events.iter().filter(|event| event.tenant == *tenant).map(|event| {
            let kid = Header::parse(&event.header).unwrap().kid;
            leaf_hash(&entry_bytes(&event.header, &event.signature, kid))
        }))
    };
    let digests = |tenant: &TenantId| folded.digests(tenant).iter().map(ToString::to_string).collect();
    sealed.logs.iter().map(|log| (root(&log.tenant), digests(&log.tenant))).unzip()
}

fn words(outcome: &Outcome) -> Vec<Vec<String>> {
    outcome.digests.iter().map(|of| of.digests.iter().map(ToString::to_string).collect()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_entries_give_the_same_roots_tiles_and_digests_in_every_store() {
    let (history, tenants) = workload::in_turns(entries());
    let sealed = seal(&history, &tenants);
    let expected = in_memory("memory", &sealed).await;
    let defined = by_definition(&sealed, &expected.events);
    assert_eq!((expected.roots.clone(), words(&expected)), defined);
    assert!(defined.1.iter().flatten().all(|digest| !digest.ends_with("DEGRADED")));

    let schema = LedgerModels::schema();
    let dir = tempfile::tempdir().unwrap();
    let sub = |name: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir(&path).unwrap();
        path
    };
    let rows = |name: &str| Arc::new(SqliteViews::open(&sub(name), Arc::clone(schema)).unwrap());
    let options = StoreOptions::new(sub("sqlite"), dir.path().join("head"), [7; 32]);
    let sqlite: Store = Arc::new(SqliteStore::open(options).unwrap());
    let options = PostgresOptions::new(postgres::database().await);
    let tables = PostgresViews::open(options.clone(), Arc::clone(schema)).await.unwrap();
    let postgres: Store = Arc::new(PostgresStore::open(options).await.unwrap());
    let (server, local) = (Server::start(1).await, Local::new());
    let eventstore: Store = Arc::new(local.open(&server).await.unwrap());
    let stores: [(&str, Store, Arc<dyn ViewStore>); 3] = [
        ("SQLite", sqlite, rows("sqlite-rows")),
        ("PostgreSQL", postgres, Arc::new(tables)),
        ("EventStoreDB", eventstore, rows("eventstore-rows")),
    ];
    for (name, store, rows) in stores {
        let found = outcome(name, store, rows, &sealed).await;
        assert_eq!((&found.roots, &found.digests), (&expected.roots, &expected.digests), "{name}");
        assert!(found.tiles == expected.tiles, "{name}: a tile is another");
        assert!(found.events == expected.events, "{name}: an entry is another, or at another place");
    }
}

/// The control: one number in one entry, and two entries in turn. Roots, tiles and digests all tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_entry_or_another_order_gives_other_roots_tiles_and_digests() {
    let (history, tenants) = workload::in_turns(1_000);
    let sealed = seal(&history, &tenants);
    let expected = in_memory("as it was", &sealed).await;
    assert!(
        in_memory("again", &seal(&history, &tenants)).await == expected,
        "the same entries, the same outcome"
    );
    let controls = [
        ("one changed", seal(&with_one_changed(&history), &tenants)),
        ("two swapped", with_two_swapped(&sealed)),
    ];
    for (name, sealed) in controls {
        let found = in_memory(name, &sealed).await;
        assert_eq!(found.events.len(), expected.events.len());
        assert_ne!(found.roots, expected.roots, "{name}");
        assert_ne!(words(&found), words(&expected), "{name}");
        assert!(found.tiles != expected.tiles, "{name}");
    }
}
