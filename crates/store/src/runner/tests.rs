//! The runner over a store in memory and over one that fails on demand.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger::ids::{StreamId, TenantId};
use ledger::read_model;
use ledger::readmodel::{
    Cell, CellType, FoldError, ProjectionDef, Query, RawEvent, ReadModels, Rows, Schema,
};
use ledger::time::Timestamp;
use tokio::sync::watch;

use super::{RunnerOptions, RunnerStatus, Views};
use crate::conformance::Recorded;
use crate::views::{MemoryViews, ViewError, ViewStore};

/// Long enough for a busy machine; a test that waits for it has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

read_model! {
    /// Sums by stream.
    pub table SUM = "sum" (resident);
    /// The sum of one stream.
    pub row SumRow {
        key {
            /// The stream.
            stream: Text as String,
        }
        /// The sum.
        sum: Int as i64,
    }
}

read_model! {
    /// One row for each event.
    pub table SEEN = "seen" (growing);
    /// One event.
    pub row SeenRow {
        key {
            /// Its index.
            index: Int as u64,
        }
        /// What it adds.
        number: Int as Option<i64>,
    }
}

static SUMS: ProjectionDef = ProjectionDef { name: "sums", version: 1, tables: &[&SUM] };
static ALL_SEEN: ProjectionDef = ProjectionDef { name: "seen", version: 1, tables: &[&SEEN] };

/// Events are headers of the form `stream number`; a number that is none is poison to the sums, `panic` panics.
pub(super) struct Toy {
    schema: Arc<Schema>,
    /// Streams that a mended program can fold, whatever they say.
    mended: Mutex<HashSet<String>>,
}

pub(super) struct ToyEvent {
    index: u64,
    stream: StreamId,
    text: String,
    as_of: Timestamp,
}

impl ReadModels for Toy {
    type Event = ToyEvent;

    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn parse(&self, raw: RawEvent<'_>, as_of: Timestamp) -> Result<ToyEvent, String> {
        let text = std::str::from_utf8(raw.header).map_err(|error| error.to_string())?;
        let (stream, text) = text.split_once(' ').ok_or("no stream")?;
        let stream = StreamId::new(stream).map_err(|error| error.to_string())?;
        Ok(ToyEvent { index: raw.index, stream, text: text.to_owned(), as_of })
    }

    fn as_of(event: &ToyEvent) -> Timestamp {
        event.as_of
    }

    fn stream(event: &ToyEvent) -> &StreamId {
        &event.stream
    }

    fn fold(&self, projection: usize, event: &ToyEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        if projection == 1 {
            rows.store(&SeenRow { index: event.index, number: event.text.parse().ok() });
            return Ok(());
        }
        let key = event.stream.as_str().to_owned();
        let known = rows.fetch::<SumRow>(&[key.to_cell()])?;
        let mut row = known.unwrap_or(SumRow { stream: key.clone(), sum: 0 });
        // Half of the work is done before the fault shows: it must be undone.
        row.sum += 1_000_000;
        rows.store(&row);
        row.sum -= 1_000_000;
        row.sum += match event.text.parse::<i64>() {
            Ok(number) => number,
            Err(_) if self.mended.lock().unwrap().contains(&key) => 0,
            Err(_) if event.text == "panic" => panic!("a fault in the fold"),
            Err(_) => return Err(FoldError::poison(format!("{} is no number", event.text))),
        };
        rows.store(&row);
        Ok(())
    }
}

pub(super) struct World {
    pub toy: Arc<Toy>,
    pub events: Arc<Recorded>,
    pub store: Arc<MemoryViews>,
    alerts: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub fn new() -> Self {
        let schema = Arc::new(Schema::new(vec![SUMS, ALL_SEEN]).unwrap());
        let toy = Arc::new(Toy { schema: Arc::clone(&schema), mended: Mutex::new(HashSet::new()) });
        let alerts = Arc::new(Mutex::new(Vec::new()));
        Self { toy, events: Arc::default(), store: Arc::new(MemoryViews::new(schema)), alerts }
    }

    /// Commits an event; gives its position.
    pub fn push(&self, owner: &str, header: &str) -> u64 {
        self.events.keep(&tenant(owner), "toy".into(), header.as_bytes().into());
        self.events.tell()
    }

    pub fn start(&self) -> Views {
        self.start_where(RunnerOptions::default().folds)
    }

    /// A runner that folds when it is told to.
    pub fn start_where(&self, folds: watch::Receiver<bool>) -> Views {
        let alerts = Arc::clone(&self.alerts);
        let on_poison: RunnerOptions = RunnerOptions {
            on_poison: Arc::new(move |entry| {
                alerts
                    .lock()
                    .unwrap()
                    .push(format!("{} {} {}", entry.projection, entry.stream, entry.reason));
            }),
            folds,
        };
        let (events, store) = (Arc::clone(&self.events), Arc::clone(&self.store));
        Views::start(Arc::clone(&self.toy), events, store, on_poison)
    }
}

pub(super) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub(super) async fn sum(views: &Views, owner: &str, stream: &str) -> Option<i64> {
    let row = views.get::<SumRow>(&tenant(owner), [Cell::text(stream)]).await.unwrap();
    row.map(|row| row.sum)
}

async fn seen(views: &Views, owner: &str) -> usize {
    views.list::<SeenRow>(Query::new(&SEEN, &tenant(owner))).await.unwrap().rows.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_appended_becomes_visible_and_can_be_waited_for() {
    let world = World::new();
    world.push("a", "s-1 5");
    let views = world.start();
    views.wait_for_index(&tenant("a"), 0, PATIENCE).await.unwrap();
    assert_eq!(sum(&views, "a", "s-1").await, Some(5));

    let waiting = tokio::spawn({
        let views = views.clone();
        async move { views.wait_for_index(&tenant("b"), 1, PATIENCE).await }
    });
    world.push("b", "s-1 7");
    world.push("a", "s-1 10");
    let position = world.push("b", "s-1 8");
    waiting.await.unwrap().unwrap();
    views.wait_for_position(position, PATIENCE).await.unwrap();
    assert_eq!((sum(&views, "a", "s-1").await, sum(&views, "b", "s-1").await), (Some(15), Some(15)));
    assert_eq!(views.log(&tenant("b")).size, 2);
    assert_eq!(views.lag(), 0);
    assert_eq!(*views.status().borrow(), RunnerStatus::Following);

    // The control: what was not appended is not waited for in vain for long.
    let behind = views.wait_for_index(&tenant("b"), 2, Duration::from_millis(5)).await.unwrap_err();
    assert_eq!((behind.asked, behind.folded), (3, 2));
    views.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_poison_event_holds_back_its_stream_in_its_projection_alone() {
    for poison in ["s-1 odd", "s-1 panic"] {
        let world = World::new();
        for header in ["s-1 1", poison, "s-1 2", "s-2 3", "s-1 4"] {
            world.push("a", header);
        }
        world.push("b", "s-1 9");
        let views = world.start();
        views.wait_for_position(6, PATIENCE).await.unwrap();
        // The stream stands where it stood before, without the half-done fold; everything else went on.
        assert_eq!(sum(&views, "a", "s-1").await, Some(1));
        assert_eq!(sum(&views, "a", "s-2").await, Some(3));
        assert_eq!(sum(&views, "b", "s-1").await, Some(9));
        assert_eq!(seen(&views, "a").await, 5);
        let poisoned = views.poisoned();
        assert_eq!((poisoned.len(), poisoned[0].index, poisoned[0].held), (1, 1, 2));
        assert_eq!(world.alerts.lock().unwrap().len(), 1);
        let digests = views.digests(&tenant("a")).await.unwrap().digests;
        assert_eq!(digests[0].to_string(), "sums/v1 DEGRADED");
        assert!(digests[1].to_string().starts_with("seen/v1 sha256:"));
        let other = views.digests(&tenant("b")).await.unwrap().digests;
        assert!(other[0].to_string().starts_with("sums/v1 sha256:"));

        // It stays so over a restart.
        views.stop().await;
        world.push("a", "s-1 5");
        let views = world.start();
        views.wait_for_position(7, PATIENCE).await.unwrap();
        assert_eq!(views.poisoned()[0].held, 3);
        assert_eq!(sum(&views, "a", "s-1").await, Some(1));

        // A program that can fold it mends it by a rebuild.
        world.toy.mended.lock().unwrap().insert("s-1".to_owned());
        let report = views.rebuild(|_| {}).await.unwrap();
        assert_eq!(report.differing, ["a sums/v1"]);
        assert_eq!(report.compared, 4);
        assert_eq!(views.poisoned(), []);
        assert_eq!(sum(&views, "a", "s-1").await, Some(12));
        let digests = views.digests(&tenant("a")).await.unwrap().digests;
        assert!(digests[0].to_string().starts_with("sums/v1 sha256:"));
        world.push("a", "s-1 100");
        views.wait_for_position(8, PATIENCE).await.unwrap();
        assert_eq!(sum(&views, "a", "s-1").await, Some(112));
        views.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rebuild_of_sound_read_models_differs_in_nothing_and_goes_on() {
    let world = World::new();
    for n in 0..50 {
        world.push("a", &format!("s-{} {n}", n % 7));
    }
    let views = world.start();
    views.wait_for_position(50, PATIENCE).await.unwrap();
    let progress = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&progress);
    let report = views.rebuild(move |at| told.lock().unwrap().push(at)).await.unwrap();
    assert_eq!((report.position, report.compared, report.differing), (50, 2, Vec::new()));
    let last = *progress.lock().unwrap().last().unwrap();
    assert_eq!((last.done, last.total, last.settling), (50, 50, true));
    world.push("a", "s-1 1000");
    views.wait_for_position(51, PATIENCE).await.unwrap();
    assert_eq!(seen(&views, "a").await, 50, "a page");
    assert_eq!(sum(&views, "a", "s-1").await, Some(1000 + (0..50).filter(|n| n % 7 == 1).sum::<i64>()));
    views.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_failing_store_is_asked_again() {
    let world = World::new();
    world.events.fail_reads(2);
    world.push("a", "s-1 5");
    let views = world.start();
    let mut status = views.status();
    status.wait_for(|status| matches!(status, RunnerStatus::Retrying { .. })).await.unwrap();
    views.wait_for_position(1, PATIENCE).await.unwrap();
    assert_eq!(sum(&views, "a", "s-1").await, Some(5));
    views.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_header_that_cannot_be_read_stops_everything() {
    let world = World::new();
    world.push("a", "s-1 5");
    let views = world.start();
    views.wait_for_position(1, PATIENCE).await.unwrap();
    world.push("a", "unreadable");
    let mut status = views.status();
    let stopped =
        status.wait_for(|status| matches!(status, RunnerStatus::Stopped { .. })).await.unwrap().clone();
    let RunnerStatus::Stopped { reason } = stopped else { panic!("it stopped") };
    assert!(reason.contains("index 1"), "{reason}");
    // What was folded before can still be read.
    assert_eq!(sum(&views, "a", "s-1").await, Some(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn read_models_of_a_log_that_went_back_are_built_anew() {
    // Shorter than what was folded; as long, with another tenant's event at its end; longer, with another's in between.
    for restored in [vec!["a"], vec!["a", "a", "b"], vec!["a", "a", "b", "a", "a"]] {
        let mut world = World::new();
        for n in 1..=3 {
            world.push("a", &format!("s-1 {n}"));
        }
        let views = world.start();
        views.wait_for_position(3, PATIENCE).await.unwrap();
        assert_eq!(sum(&views, "a", "s-1").await, Some(6));
        views.stop().await;
        world.events = Arc::default();
        for owner in &restored {
            world.push(owner, "s-1 100");
        }
        let views = world.start();
        let expected = restored.iter().filter(|owner| **owner == "a").count() * 100;
        let rebuilt = async {
            while sum(&views, "a", "s-1").await != i64::try_from(expected).ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, rebuilt).await.expect("the sums of the log that is there");
        views.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_read_models_queries_say_that_they_are_being_built() {
    let world = World::new();
    assert!(world.store.current().is_none());
    world.events.fail_reads(u32::MAX);
    world.push("a", "s-1 5");
    let views = world.start();
    let refused = views.get::<SumRow>(&tenant("a"), [Cell::text("s-1")]).await;
    assert!(matches!(refused, Err(ViewError::NotBuilt)));
    views.stop().await;
}
