//! Signed, durable appends through the executor, beside the same rows or bytes with nothing signed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use ledger::clock::{BufferedEntropy, Stopwatch, SystemClock};
use ledger::domain::{Aggregate as _, Cause, DomainEvent as _, EventBody};
use ledger::event::{SealContext, seal};
use ledger::ids::{Actor, StreamId};
use ledger_store::Read;
use ledger_store::executor::{BulkItem, CommandMeta};

use super::appended;
use super::ground::Ground;
use super::place::{Place, Scratch};
use super::second::Second;
use super::workload::{Measured, Samples, cpu_time, done, stream};
use super::{Figure, micros_each, rate};
use crate::cli::bench::BenchArgs;
use crate::config::{Config, StoreUrl};

/// Events in one call, unless said otherwise.
const BATCH: usize = 512;

/// Measures appends; with `--preload` also the same behind so many events, on PostgreSQL also by two processes.
///
/// # Errors
/// The store's.
pub fn run(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    crate::cli::serve::runtime()?.block_on(measure(config, args))
}

/// How the benchmark writes: many commands a call, from several tasks, each over streams of its own.
#[derive(Debug, Clone, Copy)]
pub struct Writing {
    writers: usize,
    batch: usize,
}

impl Writing {
    /// As the arguments say.
    pub fn of(args: &BenchArgs) -> Self {
        Self { writers: args.writers, batch: if args.batch == 0 { BATCH } else { args.batch } }
    }
}

async fn measure(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    let ground = Ground::of(config).await?;
    let scratch = Scratch::new()?;
    let place = Arc::new(Place::create(&ground, scratch.path()).await?);
    let how = Writing::of(args);
    let streams = streams(args.streams, 0, 1)?;
    // Once over all streams first, so that their lanes are there: what is measured is the steady state.
    write(&place, &streams, streams.len() as u64, how).await?;
    let before = cpu_time(std::process::id())?;
    let (took, commits) = write(&place, &streams, args.events, how).await?;
    let cpu = cpu_time(std::process::id())?.saturating_sub(before);
    let rows = usize::try_from(args.events / commits.max(1)).unwrap_or(how.batch).max(1);
    let bare = appended::again(&ground, &place, scratch.path(), args.events, rows).await?;
    let own = rate(args.events, took);
    let name = format!("append, {} streams", streams.len());
    let mut figure = Figure::new(ground.named(&name), own, "events/s", bare.what, bare.rate)
        .detail("CPU an event", micros_each(cpu, args.events), "µs")
        .detail("header", count(bare.header_bytes), "B")
        .detail("events in a commit", count(rows as u64), "events");
    for (name, micros) in costs(&place).await? {
        figure = figure.detail(name, micros, "µs");
    }
    let mut figures = vec![figure];
    if let (StoreUrl::Postgres(url), Some(files)) = (ground.url(), &args.message_db) {
        let place = &*place;
        figures.push(appended::message_db((&ground, url), place, files, args.events, how.batch, own).await?);
    }
    if ground.several_processes() {
        let took = by_two(&ground, &place, scratch.path(), args, how).await?;
        let name = ground.named("append by two processes");
        figures.push(Figure::new(name, rate(args.events / 2 * 2, took), "events/s", bare.what, bare.rate));
    }
    if args.preload > 0 {
        write(&place, &streams, args.preload.saturating_sub(args.events), how).await?;
        let (full, _) = write(&place, &streams, args.events, how).await?;
        let name = ground.named(&format!("append behind {} events", args.preload));
        figures.push(Figure::new(
            name,
            rate(args.events, full),
            "events/s",
            "the same on an empty store",
            own,
        ));
    }
    figures.push(evidence(&ground, place, args).await?);
    Ok(figures)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read")]
fn count(n: u64) -> f64 {
    n as f64
}

/// Every `of`-th stream from the `first` on, of so many: what one of several processes writes.
///
/// # Errors
/// Never: the names follow the rule.
pub fn streams(all: u64, first: usize, of: usize) -> Result<Arc<Vec<StreamId>>> {
    Ok(Arc::new((0..all.max(of as u64)).skip(first).step_by(of).map(stream).collect::<Result<_>>()?))
}

/// Half of the events by this process, half by another one, each over half of the streams: the lock of the store's row
/// is what they share.
async fn by_two(
    ground: &Ground,
    place: &Arc<Place>,
    dir: &Path,
    args: &BenchArgs,
    how: Writing,
) -> Result<Duration> {
    let own = streams(args.streams, 0, 2)?;
    let second = Second::start(ground, args, dir)?;
    let watch = Stopwatch::start();
    let other = second.go()?;
    write(place, &own, args.events / 2, how).await?;
    other.await??;
    Ok(watch.elapsed())
}

/// Evidence as the server takes it: a new stream each, idempotent, two members encrypted.
async fn evidence(ground: &Ground, place: Arc<Place>, args: &BenchArgs) -> Result<Figure> {
    let scratch = Scratch::new()?;
    let place = match ground.url() {
        StoreUrl::Embedded => Arc::new(Place::create(ground, scratch.path()).await?),
        // There is one empty database: behind what was written before.
        StoreUrl::Postgres(_) | StoreUrl::EventStoreDb(_) => place,
    };
    let samples = Arc::new(Samples::new());
    let counter = commits(&place);
    let (watch, before) = (Stopwatch::start(), cpu_time(std::process::id())?);
    place.fill(&samples, args.events, args.writers).await?;
    let (took, cpu) = (watch.elapsed(), cpu_time(std::process::id())?.saturating_sub(before));
    let rows = usize::try_from(args.events / counter.stop().await.max(1)).unwrap_or(BATCH).max(1);
    let bare = appended::again(ground, &place, scratch.path(), args.events, rows).await?;
    let name = ground.named("append evidence, a new stream each, two disclosures");
    Ok(Figure::new(name, rate(args.events, took), "events/s", bare.what, bare.rate)
        .detail("CPU an event", micros_each(cpu, args.events), "µs")
        .detail("header", count(bare.header_bytes), "B"))
}

/// Appends `events` events; how long it took and in how many commits.
///
/// # Errors
/// The store's.
pub async fn write(
    place: &Arc<Place>,
    streams: &Arc<Vec<StreamId>>,
    events: u64,
    how: Writing,
) -> Result<(Duration, u64)> {
    let writers = how.writers.clamp(1, streams.len());
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
            for part in numbers.chunks(how.batch) {
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

fn commits(place: &Place) -> Commits {
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
