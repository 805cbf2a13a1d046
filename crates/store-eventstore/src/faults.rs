//! What goes wrong between a store and its server: nothing is acknowledged that is not there, nothing is there twice,
//! and nothing is denied that is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger::event::{EventHash, Header, entry_bytes};
use ledger::merkle::{leaf_hash, root_of};
use ledger_fakes_eventstore::{Cluster, Fault};
use ledger_store::conformance::Sealer;
use ledger_store::{Append, EventStore, Read, SideStore, StoreError, Verdict};
use ledger_store_sqlite::{SqliteStore, StoreOptions};
use tempfile::TempDir;

use crate::{EsdbOptions, EventStoreDbStore};

const WRITERS: usize = 8;
/// How many faults there were, and how many there are to be.
struct Faults {
    met: AtomicU64,
    wanted: u64,
}

impl Faults {
    fn over(&self) -> bool {
        self.met.load(Ordering::SeqCst) >= self.wanted
    }
}

/// In turn, each after a good one or two.
const KINDS: [Fault; 7] = [
    Fault::LostAnswer,
    Fault::TimedOut,
    Fault::Unavailable,
    Fault::Late,
    Fault::Reset,
    Fault::LeaderChange,
    Fault::SlowMs(20),
];

struct Place {
    cluster: Cluster,
    faults: Arc<Faults>,
    dir: TempDir,
    side: Arc<dyn SideStore>,
}

impl Place {
    async fn new(wanted: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("side");
        std::fs::create_dir(&path).unwrap();
        let options = StoreOptions::new(&path, dir.path().join("side-heads"), [7; 32]);
        let side: Arc<dyn SideStore> = Arc::new(SqliteStore::open(options).unwrap());
        let cluster = Cluster::start(3).await.unwrap();
        let faults = Arc::new(Faults { met: AtomicU64::new(0), wanted });
        Self { cluster, faults, dir, side }
    }

    async fn open(&self, name: &str, failed_means_no: bool) -> Arc<EventStoreDbStore> {
        let index = self.dir.path().join(name);
        let mut options = EsdbOptions::new(self.cluster.url(), index, self.side.clone());
        options.poll = Duration::from_millis(5);
        options.patience = Duration::from_secs(5);
        options.failed_means_no = failed_means_no;
        Arc::new(EventStoreDbStore::open(options).await.unwrap())
    }

    /// Every other append meets a fault, until there were enough.
    fn break_things(&self) {
        let faults = self.faults.clone();
        self.cluster.faults(Some(Box::new(move |number| {
            if number % 2 == 0 || faults.over() {
                return Fault::None;
            }
            KINDS[usize::try_from(faults.met.fetch_add(1, Ordering::SeqCst)).unwrap() % KINDS.len()]
        })));
    }
}

/// Executes operations on one stream as a command's executor does, until the faults are over: what is unknown is sent
/// again as it is, what was denied or refused is decided anew. Gives how many operations were acknowledged.
async fn write(store: Arc<EventStoreDbStore>, mut sealer: Sealer, name: String, faults: Arc<Faults>) -> u64 {
    let stream = name.parse().unwrap();
    let mut done = 0;
    while !faults.over() {
        let mut append: Option<Append> = None;
        loop {
            let sealed = match append.take() {
                Some(sealed) => sealed,
                None => {
                    let head = store.stream_head(sealer.tenant(), &stream).await.unwrap();
                    sealer.rewind(&name, head);
                    sealer.append(&name, 1)
                }
            };
            match store.append(vec![sealed.clone()]).await {
                Ok(verdicts) if matches!(verdicts[..], [Verdict::Committed { .. }]) => break,
                Ok(verdicts) => assert!(matches!(verdicts[..], [Verdict::WrongRevision { .. }])),
                Err(StoreError::OutcomeUnknown { .. }) => append = Some(sealed),
                Err(error) => assert!(error.retryable(), "{error:?}"),
            }
        }
        done += 1;
    }
    done
}

/// Writes through two stores while everything breaks. Gives what each stream was acknowledged, and what it has.
async fn ordeal(failed_means_no: bool, faults: u64) -> Vec<(u64, u64)> {
    let place = Place::new(faults).await;
    let stores = [place.open("one", failed_means_no).await, place.open("two", failed_means_no).await];
    let mut sealer = Sealer::new("a", 1);
    stores[0].put_log(sealer.log(Some(1))).await.unwrap();
    stores[0].append(vec![sealer.genesis()]).await.unwrap();
    place.break_things();
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let (store, name) = (stores[writer % 2].clone(), format!("s-{writer}"));
        tasks.push(tokio::spawn(write(store, Sealer::new("a", 1), name, place.faults.clone())));
    }
    let mut counts = Vec::new();
    for (writer, task) in tasks.into_iter().enumerate() {
        counts.push((writer, task.await.unwrap()));
    }
    assert!(place.faults.over());
    place.cluster.faults(None);
    // A store of a process that was not there sees the whole of it.
    let fresh = place.open("three", false).await;
    let events = fresh.read(Read::log(sealer.tenant(), 0).limit(10_000)).await.unwrap().events;
    let entries: Vec<Vec<u8>> = events
        .iter()
        .map(|e| entry_bytes(&e.header, &e.signature, Header::parse(&e.header).unwrap().kid))
        .collect();
    let on_server: Vec<Vec<u8>> = place.cluster.events().iter().map(|event| event.data.to_vec()).collect();
    assert_eq!(entries, on_server);
    let head = fresh.log_head(sealer.tenant()).await.unwrap().unwrap();
    assert_eq!(head.root, root_of(entries.iter().map(|entry| leaf_hash(entry))));
    let mut found = Vec::new();
    for (writer, acknowledged) in counts {
        let stream = format!("s-{writer}").parse().unwrap();
        let of = fresh.read(Read::stream(sealer.tenant(), &stream, 0).limit(10_000)).await.unwrap().events;
        for (before, event) in of.iter().zip(of.iter().skip(1)) {
            let header = Header::parse(&event.header).unwrap();
            assert_eq!(header.prev, Some(EventHash::of(&before.header)), "one chain");
        }
        found.push((acknowledged, of.len() as u64));
    }
    println!("{faults} faults, acknowledged and stored of each stream: {found:?}");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_faults_lose_nothing_and_double_nothing() {
    for (acknowledged, stored) in ordeal(false, 200).await {
        assert_eq!(acknowledged, stored);
    }
}

/// The control: a store that takes a failed append for one that has not happened doubles what is decided again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_believes_a_failure_doubles_operations() {
    let found = ordeal(true, 50).await;
    assert!(found.iter().any(|(acknowledged, stored)| stored > acknowledged), "{found:?}");
}
