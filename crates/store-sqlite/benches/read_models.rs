//! Read models under load: rebuild, append to visible, queries, digests.
//!
//! `cargo bench -p ledger-store-sqlite --bench read_models -- [events]`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger::ids::TenantId;
use ledger::readmodel::{
    Cell, Folder, Parser, Query, RawEvent, ReadModels, Row, RowSource, SourceError, Test, WorkingSet,
};
use ledger::time::Timestamp;
use ledger_projections::LedgerModels;
use ledger_projections::audit::{AUDIT, AuditRow};
use ledger_projections::evidence::{EVIDENCE, EvidenceRow};
use ledger_projections::testing::{History, tenant, workload};
use ledger_store::StoredEvent;
use ledger_store::conformance::Recorded;
use ledger_store::runner::{RunnerOptions, RunnerStatus, Views};
use ledger_store_sqlite::SqliteViews;

const PATIENCE: Duration = Duration::from_secs(600);

/// Takes the events of a history; those who follow are not told yet.
fn take(events: &Recorded, history: &mut History) {
    for event in history.events.drain(..) {
        events.keep(&event.tenant, event.event_type, event.header);
    }
}

fn per_second(count: usize, took: Duration) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a figure"
    )]
    let rate = (count as f64 / took.as_secs_f64()) as u64;
    rate
}

fn percentile(mut took: Vec<Duration>, percent: usize) -> Duration {
    took.sort_unstable();
    took[(took.len() * percent / 100).min(took.len() - 1)]
}

/// Processor time of this process. On a machine that does other things it says more than the clock does.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// A store that has nothing.
struct Nothing;

impl RowSource for Nothing {
    fn load(&self, _: usize, _: &TenantId, _: &[Cell]) -> Result<Option<Row>, SourceError> {
        Ok(None)
    }
    fn load_all(&self, _: usize, _: &TenantId) -> Result<Vec<Row>, SourceError> {
        Ok(Vec::new())
    }
}

fn steps(events: &[StoredEvent]) {
    let models = Arc::new(LedgerModels);
    let mut parser = Parser::new(Arc::clone(&models), HashMap::new());
    let start = processor_time();
    let parsed: Vec<_> = events
        .iter()
        .map(|event| {
            let raw = RawEvent { tenant: &event.tenant, index: event.index, header: &event.header };
            parser.parse(raw).unwrap()
        })
        .collect();
    let count = u32::try_from(events.len()).unwrap();
    println!("parse: {:?} of processor an event", (processor_time() - start) / count);
    let mut folder = Folder::new(Arc::clone(&models), Vec::new());
    let mut working = WorkingSet::new(Arc::clone(models.schema()), Nothing);
    let start = processor_time();
    let mut rows = 0;
    for batch in parsed.chunks(16_384) {
        for event in batch {
            assert!(folder.fold(event, &mut working).unwrap().is_empty());
        }
        rows += working.take_changes().iter().map(|changes| changes.rows.len()).sum::<usize>();
    }
    println!("fold: {:?} of processor an event, {rows} rows written", (processor_time() - start) / count);
}

fn main() {
    let count = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(300_000);
    let owner = tenant("0190aaaa-0000-7000-8000-000000000001");
    let mut history = History::new();
    workload::extend(&mut history, &owner, count);
    let events = Arc::new(Recorded::default());
    take(&events, &mut history);
    let position = events.tell();
    {
        let events = events.events();
        let bytes: usize = events.iter().map(|event| event.header.len()).sum();
        println!("{} events, {} bytes of header each", events.len(), bytes / events.len());
        steps(&events[..events.len().min(200_000)]);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(history, events, position, &owner));
}

async fn run(mut history: History, events: Arc<Recorded>, position: u64, owner: &TenantId) {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteViews::open(directory.path(), Arc::clone(LedgerModels::schema())).unwrap());
    let (watch, processor) = (Stopwatch::start(), processor_time());
    let views =
        Views::start(Arc::new(LedgerModels), Arc::clone(&events) as _, store, RunnerOptions::default());
    let mut status = views.status();
    let mut folded = None;
    loop {
        let now = status.borrow_and_update().clone();
        match now {
            RunnerStatus::Building { done, total } if done > 0 && done >= total => {
                folded = folded.or(Some(watch.elapsed()))
            }
            RunnerStatus::Following => break,
            RunnerStatus::Stopped { reason } | RunnerStatus::Retrying { reason } => panic!("{reason}"),
            RunnerStatus::Building { .. } => {}
        }
        status.changed().await.unwrap();
    }
    views.wait_for_position(position, PATIENCE).await.unwrap();
    let took = watch.elapsed();
    let count = usize::try_from(position).unwrap();
    println!("rebuild, durable: {} events/s ({took:?}; folded after {folded:?})", per_second(count, took));
    let processor = (processor_time() - processor) / u32::try_from(position).unwrap();
    println!("rebuild: {processor:?} of processor an event");
    assert_eq!(views.poisoned(), []);
    let bytes: u64 =
        std::fs::read_dir(directory.path()).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
    println!("file: {} bytes an event", bytes / position);

    queries(&views, owner, position).await;
    let watch = Stopwatch::start();
    let digests = views.digests(owner).await.unwrap();
    println!("digests of {} projections: {:?}", digests.digests.len(), watch.elapsed());

    let mut took = Vec::new();
    for _ in 0..400 {
        workload::extend(&mut history, owner, 100);
        take(&events, &mut history);
        let watch = Stopwatch::start();
        let position = events.tell();
        views.wait_for_position(position, PATIENCE).await.unwrap();
        took.push(watch.elapsed());
    }
    println!(
        "append to visible, batches of 100: p50 {:?} p99 {:?}",
        percentile(took.clone(), 50),
        percentile(took, 99)
    );

    workload::extend(&mut history, owner, 60_000);
    let before = position;
    take(&events, &mut history);
    let watch = Stopwatch::start();
    let position = events.tell();
    views.wait_for_position(position, PATIENCE).await.unwrap();
    println!(
        "catching up, indexed: {} events/s",
        per_second(usize::try_from(position - before - 40_000).unwrap(), watch.elapsed())
    );
    views.stop().await;
}

async fn queries(views: &Views, owner: &TenantId, position: u64) {
    let audit = || Query::new(&AUDIT, owner).descending();
    let middle = Timestamp::from_micros(1_772_323_200_000_000 + i64::try_from(position).unwrap() * 100_000);
    let cases: Vec<(&str, Query)> = vec![
        ("newest", audit()),
        ("type, common", audit().is_text("event_type", "ledger.evidence.submitted.v1")),
        ("type, rare", audit().is_text("event_type", "ledger.framework.imported.v1")),
        ("actor", audit().is_text("actor", "probe-17")),
        (
            "actor and type",
            audit().is_text("actor", "probe-17").is_text("event_type", "ledger.control.assessed.v1"),
        ),
        ("before a time", audit().filter("as_of", Test::Below(Cell::time(middle)))),
        ("stream", audit().is_text("stream_id", "nist-800-53.ac-7").is_text("category", "control")),
        ("nothing found", audit().filter("cause", Test::Contains("zzz".to_owned()))),
    ];
    for (name, query) in cases {
        let mut took = Vec::new();
        let mut rows = 0;
        for _ in 0..200 {
            let watch = Stopwatch::start();
            rows = views.list::<AuditRow>(query.clone()).await.unwrap().rows.len();
            took.push(watch.elapsed());
        }
        println!(
            "audit, {name}: {rows} rows, p50 {:?} p99 {:?}",
            percentile(took.clone(), 50),
            percentile(took, 99)
        );
    }
    let evidence =
        Query::new(&EVIDENCE, owner).descending().is_text("result", "fail").is_text("probe", "probe-40");
    let mut took = Vec::new();
    for _ in 0..200 {
        let watch = Stopwatch::start();
        let page = views.list::<EvidenceRow>(evidence.clone()).await.unwrap();
        assert!(!page.rows.is_empty());
        took.push(watch.elapsed());
    }
    println!(
        "evidence, result and probe: p50 {:?} p99 {:?}",
        percentile(took.clone(), 50),
        percentile(took, 99)
    );
}
