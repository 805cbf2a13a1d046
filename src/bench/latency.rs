//! From an append to its event in a subscription: of another store on the same database, as another process has one, or of
//! the embedded store itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ledger::clock::Stopwatch;
use ledger::ids::{Actor, StreamId};
use ledger_store::executor::{CommandMeta, Executed, Outcome};
use ledger_store::{Delivery, Filter, Subscription};
use ledger_store_postgres::notify_round_trips;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::append::streams;
use super::appended::options;
use super::ground::Ground;
use super::place::{Place, Scratch};
use super::reference::BareStore;
use super::workload::Measured;
use super::{Figure, percentile_ms, rate};
use crate::cli::bench::BenchArgs;
use crate::config::{Config, StoreUrl};

/// Appends that are watched, and references: enough for a 99th percentile.
const TRIPS: usize = 500;
/// Between two of them, so that each meets the system at rest or under its load, and not the one before.
const PAUSE: Duration = Duration::from_millis(5);

/// Measures latency.
///
/// # Errors
/// The store's.
pub fn run(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    crate::cli::serve::runtime()?.block_on(measure(config, args))
}

async fn measure(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    let ground = Ground::of(config).await?;
    let (scratch, second) = (Scratch::new()?, Scratch::new()?);
    let place = Arc::new(Place::create(&ground, scratch.path()).await?);
    let other = match ground.several_processes() {
        true => Arc::new(Place::beside(&ground, second.path(), scratch.path()).await?),
        false => Arc::clone(&place),
    };
    let streams = streams(args.streams, 0, 1)?;
    let watched = streams.first().context("there is a stream")?.clone();
    let trips = || trips(&place, &other, &watched);
    // The first of everything is slower.
    trips().await?;
    let idle = trips().await?;
    let bare_idle = bare(&ground).await?;
    let full = load(&place, &streams, args, None).await?;
    let half = tokio::spawn({
        let (place, streams, args) = (Arc::clone(&place), Arc::clone(&streams), args.clone());
        // It ends when it is no longer wanted.
        async move { load(&place, &streams, &BenchArgs { events: u64::MAX, ..args }, Some(full / 2.0)).await }
    });
    let loaded = trips().await?;
    let bare_loaded = bare(&ground).await?;
    if half.is_finished() {
        half.await??;
    } else {
        half.abort();
    }
    let figure = |what: &str, own: Trips, (reference, times): (&str, Vec<Duration>)| {
        let name = ground.named(&format!("append to subscriber {what}, p50"));
        Figure::new(name, percentile_ms(&own.seen, 0.5), "ms", reference, percentile_ms(&times, 0.5))
            .detail("p99", percentile_ms(&own.seen, 0.99), "ms")
            .detail("to the answer, p50", percentile_ms(&own.answered, 0.5), "ms")
            .detail("to the answer, p99", percentile_ms(&own.answered, 0.99), "ms")
            .detail("the reference, p99", percentile_ms(&times, 0.99), "ms")
    };
    let half = figure("at half load", loaded, bare_loaded).detail("load", full / 2.0, "events/s");
    Ok(vec![figure("at rest", idle, bare_idle), half])
}

/// Times since each append was begun, sorted.
struct Trips {
    answered: Vec<Duration>,
    seen: Vec<Duration>,
}

/// Appends single events and looks when each is answered and when the other store's subscription gives it.
async fn trips(place: &Place, other: &Place, stream: &StreamId) -> Result<Trips> {
    let clock = Arc::new(Stopwatch::start());
    let (send, mut seen) = mpsc::unbounded_channel();
    let from = *place.store.subscribe().borrow() + 1;
    let mut follower = Subscription::new(Arc::clone(&other.store), from, Filter::default());
    let told = Arc::clone(&clock);
    let following = tokio::spawn(async move {
        loop {
            if let Delivery::Events(events) = follower.next().await?
                && let Some(last) = events.last()
                && send.send((last.position, told.elapsed())).is_err()
            {
                return anyhow::Ok(());
            }
        }
    });
    let meta = CommandMeta::of(Actor::system("bench"));
    let mut trips = Trips { answered: Vec::with_capacity(TRIPS), seen: Vec::with_capacity(TRIPS) };
    for number in 0..TRIPS {
        tokio::time::sleep(PAUSE).await;
        let begun = clock.elapsed();
        let done = place.executor.execute::<Measured>(&place.tenant, stream, &meta, &(number as u64)).await;
        let position = position(done)?;
        trips.answered.push(clock.elapsed().saturating_sub(begun));
        loop {
            let (reached, at) = seen.recv().await.context("the subscription has ended")?;
            if reached >= position {
                trips.seen.push(at.saturating_sub(begun));
                break;
            }
        }
    }
    following.abort();
    trips.answered.sort_unstable();
    trips.seen.sort_unstable();
    Ok(trips)
}

/// Single events from `--clients` tasks at once, `pace` a second or as fast as it goes; the rate that was reached.
async fn load(place: &Arc<Place>, streams: &[StreamId], args: &BenchArgs, pace: Option<f64>) -> Result<f64> {
    let clients = args.clients.clamp(1, streams.len().saturating_sub(1).max(1));
    let share = args.events / clients as u64;
    let watch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for client in 0..clients {
        // The first stream is the watched one.
        let own: Vec<StreamId> = streams.iter().skip(1 + client).step_by(clients).cloned().collect();
        let place = Arc::clone(place);
        tasks.spawn(async move {
            let meta = CommandMeta::of(Actor::system("bench"));
            #[expect(clippy::cast_precision_loss, reason = "a pause, not a count")]
            let each = pace.map(|pace| Duration::from_secs_f64(clients as f64 / pace));
            let mut due = tokio::time::interval(each.unwrap_or(PAUSE));
            due.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for (number, stream) in (0..share).zip(own.iter().cycle()) {
                if each.is_some() {
                    due.tick().await;
                }
                position(place.executor.execute::<Measured>(&place.tenant, stream, &meta, &number).await)?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(rate(share * clients as u64, watch.elapsed()))
}

fn position(done: Executed<Measured>) -> Result<u64> {
    match done? {
        Outcome::Committed(committed) => Ok(committed.position),
        Outcome::Duplicate(_) | Outcome::Unchanged => bail!("a measurement is always an event"),
    }
}

/// What the same takes without a ledger, sorted.
async fn bare(ground: &Ground) -> Result<(&'static str, Vec<Duration>)> {
    let (what, mut times) = match ground.url() {
        StoreUrl::Postgres(url) => (
            "bare NOTIFY, from connection to connection",
            notify_round_trips(&options(ground, url)?, TRIPS, PAUSE).await?,
        ),
        StoreUrl::Embedded | StoreUrl::EventStoreDb(_) => {
            ("one row in a durable commit, bare SQLite", tokio::task::spawn_blocking(commits).await??)
        }
    };
    times.sort_unstable();
    Ok((what, times))
}

fn commits() -> Result<Vec<Duration>> {
    let scratch = Scratch::new()?;
    let dir: &Path = scratch.path();
    let mut store = BareStore::create(dir)?;
    let body = [b'x'; 500];
    let one = |number| {
        std::thread::sleep(PAUSE);
        let watch = Stopwatch::start();
        store.commit([("bench", number, &body[..])])?;
        Ok(watch.elapsed())
    };
    (0..TRIPS as u64).map(one).collect()
}
