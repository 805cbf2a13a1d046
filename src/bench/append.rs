//! Signed, durable appends through the executor, beside the same rows and commits with nothing signed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use ledger::clock::{BufferedEntropy, Stopwatch, SystemClock};
use ledger::domain::{Cause, DomainEvent as _, EventBody};
use ledger::event::{SealContext, seal};
use ledger::ids::{Actor, StreamId};
use ledger_store::executor::{BulkItem, CommandMeta};
use ledger_store::{EventStore, Read, SideStore};
use ledger_store_postgres::{PostgresOptions, PostgresStore, plain_inserts};

use super::same_rows::Rows;
use super::workload::{Measured, Place, Samples, Scratch, cpu_time, done, stream};
use super::{Figure, micros_each, rate};
use crate::cli::bench::BenchArgs;
use ledger::domain::Aggregate as _;

/// What an append is held against.
const SAME_ROWS: &str = "the same rows, indexes and syncs, nothing signed or hashed";

/// Measures appends; with `--preload` also the same behind so many events.
///
/// # Errors
/// The store's.
pub fn run(args: &BenchArgs) -> Result<Vec<Figure>> {
    crate::cli::serve::runtime()?.block_on(measure(args))
}

async fn measure(args: &BenchArgs) -> Result<Vec<Figure>> {
    let scratch = Scratch::new()?;
    let place = Arc::new(Place::create(scratch.path()).await?);
    let batch = if args.batch == 0 { 512 } else { args.batch };
    let streams: Arc<Vec<StreamId>> = Arc::new((0..args.streams.max(1)).map(stream).collect::<Result<_>>()?);
    // Once over all streams first, so that their lanes are there: what is measured is the steady state.
    write(&place, &streams, streams.len() as u64, args.writers, batch).await?;
    let before = cpu_time(std::process::id())?;
    let (empty, commits) = write(&place, &streams, args.events, args.writers, batch).await?;
    let cpu = cpu_time(std::process::id())?.saturating_sub(before);
    let rows = usize::try_from(args.events / commits.max(1)).unwrap_or(batch).max(1);
    let same = Rows::last(scratch.path(), args.events)?;
    let mut figure = Figure::new(
        format!("append, {} streams", streams.len()),
        rate(args.events, empty),
        "events/s",
        SAME_ROWS,
        rate(args.events, rewrite(&same, rows)?),
    )
    .detail("CPU an event", micros_each(cpu, args.events), "µs")
    .detail("header", count(same.header_bytes() as u64), "B")
    .detail("events in a commit", count(rows as u64), "events");
    drop(same);
    for (name, micros) in costs(&place).await? {
        figure = figure.detail(name, micros, "µs");
    }
    let mut figures = vec![figure, evidence(args).await?];
    if let Some(url) = &args.postgres {
        figures.extend(postgres(args, url, &streams, batch).await?);
    }
    if args.preload > 0 {
        let base = rate(args.events, empty);
        write(&place, &streams, args.preload.saturating_sub(args.events), args.writers, batch).await?;
        let (full, _) = write(&place, &streams, args.events, args.writers, batch).await?;
        let name = format!("append behind {} events", args.preload);
        figures.push(Figure::new(
            name,
            rate(args.events, full),
            "events/s",
            "the same on an empty store",
            base,
        ));
    }
    Ok(figures)
}

/// The same on PostgreSQL: by one process, and by two stores with connections of their own on one database.
async fn postgres(
    args: &BenchArgs,
    url: &str,
    streams: &Arc<Vec<StreamId>>,
    batch: usize,
) -> Result<Vec<Figure>> {
    let options = PostgresOptions::at(url, None)?;
    let open = || PostgresStore::open(options.clone());
    let store = Arc::new(open().await?);
    if !store.logs().await?.is_empty() {
        bail!("{url} holds a ledger already; give an empty database");
    }
    let place = Arc::new(Place::over(Arc::clone(&store)).await?);
    write(&place, streams, streams.len() as u64, args.writers, batch).await?;
    let (took, commits) = write(&place, streams, args.events, args.writers, batch).await?;
    let rows = usize::try_from(args.events / commits.max(1)).unwrap_or(batch).max(1);
    let bare = rate(args.events, plain_inserts(&store, &options, args.events, rows).await?);
    let name = "append to PostgreSQL";
    let one = Figure::new(name, rate(args.events, took), "events/s", PLAIN, bare).detail(
        "events in a commit",
        count(rows as u64),
        "events",
    );
    // Another process would have a store of its own: its own connections, trees and lock of the store's row.
    let other = Arc::new(Place::over(Arc::new(open().await?)).await?);
    let watch = Stopwatch::start();
    let half = args.events / 2;
    let (a, b) = tokio::join!(
        write(&place, streams, half, args.writers, batch),
        write(&other, streams, half, args.writers, batch)
    );
    a?;
    b?;
    let name = "append to PostgreSQL by two stores at once";
    Ok(vec![one, Figure::new(name, rate(half * 2, watch.elapsed()), "events/s", PLAIN, bare)])
}

/// What an append to PostgreSQL is held against.
const PLAIN: &str = "the same bytes into a plain table, multi-row inserts";

#[expect(clippy::cast_precision_loss, reason = "a figure to read")]
fn count(n: u64) -> f64 {
    n as f64
}

fn rewrite(same: &Rows, rows: usize) -> Result<Duration> {
    let scratch = Scratch::new()?;
    same.write(scratch.path(), rows)
}

/// Evidence as the server takes it: a new stream each, idempotent, two members encrypted.
async fn evidence(args: &BenchArgs) -> Result<Figure> {
    let scratch = Scratch::new()?;
    let place = Arc::new(Place::create(scratch.path()).await?);
    let samples = Arc::new(Samples::new());
    let counter = commits(&place);
    let (watch, before) = (Stopwatch::start(), cpu_time(std::process::id())?);
    place.fill(&samples, args.events, args.writers).await?;
    let (took, cpu) = (watch.elapsed(), cpu_time(std::process::id())?.saturating_sub(before));
    let rows = usize::try_from(args.events / counter.stop().await.max(1)).unwrap_or(512).max(1);
    let same = Rows::last(scratch.path(), args.events)?;
    let name = "append evidence, a new stream each, two disclosures";
    let bare = rate(args.events, rewrite(&same, rows)?);
    Ok(Figure::new(name, rate(args.events, took), "events/s", SAME_ROWS, bare)
        .detail("CPU an event", micros_each(cpu, args.events), "µs")
        .detail("header", count(same.header_bytes() as u64), "B"))
}

/// Appends `events` events; how long it took and in how many commits.
async fn write<S: EventStore + SideStore>(
    place: &Arc<Place<S>>,
    streams: &Arc<Vec<StreamId>>,
    events: u64,
    writers: usize,
    batch: usize,
) -> Result<(Duration, u64)> {
    let writers = writers.clamp(1, streams.len());
    let counter = commits(place);
    let watch = Stopwatch::start();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let (place, streams) = (Arc::clone(place), Arc::clone(streams));
        let share = events * (writer as u64 + 1) / writers as u64 - events * writer as u64 / writers as u64;
        // Streams of its own, so that no two writers meet in one.
        tasks.spawn(async move {
            let own: Vec<&StreamId> = streams.iter().skip(writer).step_by(writers).collect();
            let meta = CommandMeta::of(Actor::system("bench"));
            let numbers: Vec<u64> = (0..share).collect();
            for part in numbers.chunks(batch) {
                let item = |n: &u64| own[usize::try_from(*n).unwrap_or(0) % own.len()];
                let items: Vec<BulkItem<'_, Measured>> =
                    part.iter().map(|n| BulkItem { stream: item(n), meta: &meta, command: n }).collect();
                done::<Measured>(place.executor.execute_many(&place.tenant, &items).await)?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok((watch.elapsed(), counter.stop().await))
}

/// Counts the store's commits, so that the reference makes as many.
struct Commits(tokio::task::JoinHandle<u64>, tokio::sync::oneshot::Sender<()>);

fn commits<S: EventStore>(place: &Place<S>) -> Commits {
    let mut head = place.store.subscribe();
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let mut count = 0;
        loop {
            tokio::select! {
                changed = head.changed() => if changed.is_ok() { count += 1 } else { return count },
                _ = &mut stopped => return count,
            }
        }
    });
    Commits(task, stop)
}

impl Commits {
    async fn stop(self) -> u64 {
        // The receiver is gone only with its task.
        let _ = self.1.send(());
        self.0.await.unwrap_or(0)
    }
}

/// What one step costs alone on one thread, in microseconds.
async fn costs(place: &Place) -> Result<Vec<(&'static str, f64)>> {
    const ROUNDS: u32 = 20_000;
    let page = place.store.read(Read::log(&place.tenant, 1).limit(1)).await?;
    let header = page.events.first().map(|event| event.header.to_vec()).unwrap_or_default();
    let micros = |watch: Stopwatch| watch.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    let watch = Stopwatch::start();
    for _ in 0..ROUNDS {
        std::hint::black_box(ledger::canonical::canonicalize(std::hint::black_box(&header))?);
    }
    let canonical = micros(watch);
    let keys = place.keyring.log(&place.tenant).ok_or_else(|| anyhow::anyhow!("the tenant has a log"))?;
    let (signer, stream, actor) = (keys.signer(), stream(0)?, Actor::system("bench"));
    let entropy = Arc::new(BufferedEntropy::default());
    let ctx = SealContext {
        tenant: &place.tenant,
        stream: &stream,
        seq: 0,
        prev: None,
        time: ledger::clock::Clock::now(&SystemClock),
        actor: &actor,
        command: None,
        cause: Cause::default(),
    };
    let events = Measured::decide(&(), &1, &ledger::domain::DecideCtx { now: ctx.time })?;
    let body: EventBody = events[0].encode();
    let watch = Stopwatch::start();
    for _ in 0..ROUNDS {
        let sealed = seal(events[0].event_type(), &body, &ctx, &*signer, &*place.keyring, &*entropy)?;
        std::hint::black_box(sealed);
    }
    Ok(vec![("canonicalise a header", canonical), ("seal: canonical, sign, hash, leaf", micros(watch))])
}
