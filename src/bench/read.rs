//! Reading the log in order, and asking the read models for a page.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ledger::clock::Stopwatch;
use ledger::readmodel::Query;
use ledger_projections::evidence::EVIDENCE;
use ledger_store::Read;
use ledger_store::runner::Views;
use ledger_store_postgres::plain_table;

use super::appended::options;
use super::ground::Ground;
use super::place::{Place, Scratch};
use super::reference::BareStore;
use super::workload::Samples;
use super::{Figure, rate};
use crate::cli::bench::BenchArgs;
use crate::config::{Config, StoreUrl};

/// Rows of a commit of the reference.
const COMMIT_ROWS: usize = 2_000;

/// How long the read models may take to fold what was written: only a ledger that hangs takes so long.
pub const FOLD_MAX: Duration = Duration::from_secs(600);

/// Measures reading.
///
/// # Errors
/// The store's.
pub fn run(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    crate::cli::serve::runtime()?.block_on(measure(config, args))
}

async fn measure(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    let ground = Ground::of(config).await?;
    let scratch = Scratch::new()?;
    let place = Arc::new(Place::create(&ground, scratch.path()).await?);
    place.fill(&Arc::new(Samples::new()), args.events, args.writers).await?;
    let (watch, mut from, mut read, mut bytes) = (Stopwatch::start(), 1, 0_u64, 0_usize);
    loop {
        let page = place.store.read(Read::all(from).limit(10_000)).await?;
        from = page.next;
        read += page.events.len() as u64;
        bytes += page.events.iter().map(|event| event.header.len()).sum::<usize>();
        if page.end {
            break;
        }
    }
    let scan = rate(read, watch.elapsed());
    let (what, bare) = match ground.url() {
        StoreUrl::Postgres(url) => {
            let table = plain_table(&*place.store, &options(&ground, url)?, args.events, COMMIT_ROWS).await?;
            ("scan of as many rows, plain table", rate(table.rows, table.scan))
        }
        StoreUrl::Embedded | StoreUrl::EventStoreDb(_) => {
            let bare = bare_scan(read, bytes / usize::try_from(read.max(1))?)?;
            ("scan of as many rows, bare SQLite", bare)
        }
    };
    let scan = Figure::new(ground.named("scan of the log in order"), scan, "events/s", what, bare);
    let views = place.views().await?;
    // Read before it is waited for: as long as it is borrowed the store cannot tell a new one.
    let last = *place.store.subscribe().borrow();
    views.wait_for_position(last, FOLD_MAX).await?;
    let filtered =
        pages(&views, &place, |query| query.is_text("check", "linux-host/kernel-settings")).await?;
    let plain = pages(&views, &place, |query| query).await?;
    views.stop().await;
    let page = Figure::new(
        ground.named(&format!("page of 50 of {} rows, filtered, p99", args.events)),
        filtered.1,
        "ms",
        "the same page unfiltered, p99",
        plain.1,
    )
    .detail("filtered, p50", filtered.0, "ms");
    Ok(vec![scan, page])
}

/// p50 and p99 of one page, in milliseconds.
async fn pages(views: &Views, place: &Place, narrow: impl Fn(Query) -> Query) -> Result<(f64, f64)> {
    const ROUNDS: usize = 500;
    let mut times = Vec::with_capacity(ROUNDS);
    let mut cursor = None;
    for _ in 0..ROUNDS {
        let query = narrow(Query::new(&EVIDENCE, &place.tenant).limit(50)).after(cursor.take());
        let watch = Stopwatch::start();
        let page = views.read(move |models| models.query(&query)).await?;
        times.push(watch.elapsed().as_secs_f64() * 1000.0);
        cursor = page.next;
    }
    times.sort_by(f64::total_cmp);
    Ok((times[ROUNDS / 2], times[ROUNDS * 99 / 100]))
}

fn bare_scan(rows: u64, bytes: usize) -> Result<f64> {
    let scratch = Scratch::new()?;
    let mut store = BareStore::create(scratch.path())?;
    let body = vec![b'x'; bytes + 64];
    let numbers: Vec<u64> = (0..rows).collect();
    for part in numbers.chunks(COMMIT_ROWS) {
        store.commit(part.iter().map(|n| ("bench", *n, body.as_slice())))?;
    }
    let watch = Stopwatch::start();
    let read = store.scan()?;
    Ok(rate(read, watch.elapsed()))
}
