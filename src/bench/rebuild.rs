//! Building all read models from the log, durably, beside one bare upsert an event, or beside the embedded store.

use std::sync::Arc;

use anyhow::{Result, bail};
use ledger::clock::Stopwatch;

use super::ground::Ground;
use super::place::{Place, Scratch};
use super::read::FOLD_MAX;
use super::reference::BareStore;
use super::workload::Samples;
use super::{Figure, rate};
use crate::cli::bench::BenchArgs;
use crate::config::{Config, StoreUrl};

/// Rows of a transaction of the reference: as many events as the runner commits at once while it builds.
const COMMIT_ROWS: usize = 16_384;

/// Measures rebuilding.
///
/// # Errors
/// The store's, or read models that differ from the rebuilt ones.
pub fn run(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    crate::cli::serve::runtime()?.block_on(measure(config, args))
}

async fn measure(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    let ground = Ground::of(config).await?;
    let (total, embedded) = build(&ground.embedded()?, args).await?;
    let figure = |ground: &Ground, rates: &Rates, reference: &str, value: f64| {
        let name = ground.named("build of all read models");
        Figure::new(name, rates.built, "events/s", reference, value).detail(BESIDE, rates.beside, "events/s")
    };
    let bare = upserts(total)?;
    let mut figures =
        vec![figure(&ground.embedded()?, &embedded, "one durable upsert an event, bare SQLite", bare)];
    if *ground.url() != StoreUrl::Embedded {
        let (_, rates) = build(&ground, args).await?;
        figures.push(figure(&ground, &rates, "the same, embedded", embedded.built));
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

/// Fills a store and builds its read models; how many events it has, and the rates.
async fn build(ground: &Ground, args: &BenchArgs) -> Result<(u64, Rates)> {
    let scratch = Scratch::new()?;
    let place = Arc::new(Place::create(ground, scratch.path()).await?);
    place.fill(&Arc::new(Samples::new()), args.events, args.writers).await?;
    let total = *place.store.subscribe().borrow();
    // From nothing: no read models are there yet.
    let watch = Stopwatch::start();
    let views = place.views().await?;
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
    Ok((total, Rates { built, beside }))
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
