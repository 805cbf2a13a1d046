//! Rebuilding all read models from the log, durably, beside one bare upsert an event.

use std::sync::Arc;

use anyhow::{Result, bail};
use ledger::clock::Stopwatch;
use ledger_projections::LedgerModels;
use ledger_store::EventStore as _;
use ledger_store::runner::Views;
use ledger_store::views::ViewStore as _;
use ledger_store_postgres::{PostgresOptions, PostgresViews};

use super::read::{FOLD_MAX, views, views_in};
use super::reference::BareStore;
use super::workload::{Place, Samples, Scratch};
use super::{Figure, rate};
use crate::cli::bench::BenchArgs;

/// Rows of a transaction of the reference: as many events as the runner commits at once while it builds.
const COMMIT_ROWS: usize = 16_384;

/// Measures rebuilding.
///
/// # Errors
/// The store's, or read models that differ from the rebuilt ones.
pub fn run(args: &BenchArgs) -> Result<Vec<Figure>> {
    crate::cli::serve::runtime()?.block_on(measure(args))
}

async fn measure(args: &BenchArgs) -> Result<Vec<Figure>> {
    let scratch = Scratch::new()?;
    let place = Arc::new(Place::create(scratch.path()).await?);
    place.fill(&Arc::new(Samples::new()), args.events, args.writers).await?;
    let total = *place.store.subscribe().borrow();
    let sqlite = measure_views(|| views(scratch.path(), &place), total).await?;
    let bare = upserts(total)?;
    let figure = Figure::new(
        "build of all read models",
        sqlite.built,
        "events/s",
        "one durable upsert an event, bare SQLite",
        bare,
    )
    .detail(BESIDE, sqlite.beside, "events/s");
    let mut figures = vec![figure];
    if let Some(url) = &args.postgres {
        let options = PostgresOptions::at(url, None)?;
        let store = Arc::new(PostgresViews::open(options, Arc::clone(LedgerModels::schema())).await?);
        if store.current().is_some() {
            bail!("{url} has read models already; give an empty database");
        }
        let postgres = measure_views(|| Ok(views_in(store, &place)), total).await?;
        let name = "build of all read models, PostgreSQL";
        let reference = "build of all read models, SQLite";
        let figure = Figure::new(name, postgres.built, "events/s", reference, sqlite.built);
        figures.push(figure.detail(BESIDE, postgres.beside, "events/s"));
    }
    Ok(figures)
}

/// What a further figure is called.
const BESIDE: &str = "rebuild beside the old ones, digests compared";

/// Events a second.
struct Rates {
    built: f64,
    beside: f64,
}

async fn measure_views(start: impl FnOnce() -> Result<Views>, total: u64) -> Result<Rates> {
    // From nothing: no read models are there yet.
    let watch = Stopwatch::start();
    let views = start()?;
    views.wait_for_position(total, FOLD_MAX).await?;
    let built = rate(total, watch.elapsed());
    // Once more beside the ones that are there, compared with them and put in their place.
    let watch = Stopwatch::start();
    let report = views.rebuild(|_| {}).await?;
    let beside = rate(total, watch.elapsed());
    views.stop().await;
    if !report.differing.is_empty() {
        bail!("the rebuilt read models differ: {}", report.differing.join(", "));
    }
    Ok(Rates { built, beside })
}

fn upserts(rows: u64) -> Result<f64> {
    let scratch = Scratch::new()?;
    let mut store = BareStore::create(scratch.path())?;
    let row = vec![b'x'; 200];
    let numbers: Vec<u64> = (0..rows).collect();
    let watch = Stopwatch::start();
    for part in numbers.chunks(COMMIT_ROWS) {
        store.upsert(part.iter().map(|n| (*n, row.as_slice())))?;
    }
    Ok(rate(rows, watch.elapsed()))
}
