//! The load: sealed appends, and driving them through the store in order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ledger::clock::{Entropy, SeededEntropy, Stopwatch};
use ledger::ids::{CommandId, StreamId, TenantId};
use ledger_store::conformance::Sealer;
use ledger_store::{Append, CommandRecord, EventStore, SideStore, Verdict};
use ledger_store_sqlite::SqliteStore;
use tokio::runtime::Runtime;

/// About the size of an evidence event.
const FILLING: usize = 120;

pub struct Load {
    pub events: usize,
    pub streams: usize,
    pub batch: usize,
    tenants: usize,
    writers: usize,
    prefill: usize,
    commands: usize,
    sealers: Vec<Sealer>,
    dice: SeededEntropy,
    sealed: u64,
    /// Header lengths and streams of the measured appends, for the reference.
    pub rows: Vec<(usize, usize)>,
}

impl Load {
    pub fn new(settings: &HashMap<String, usize>) -> Self {
        let of = |key: &str, default| settings.get(key).copied().unwrap_or(default);
        Self {
            events: of("events", 200_000),
            streams: of("streams", 1),
            batch: of("batch", 512).max(1),
            tenants: of("tenants", 1).clamp(1, 200),
            writers: of("writers", 4).max(1),
            prefill: of("prefill", 0),
            commands: of("commands", 0),
            sealers: Vec::new(),
            dice: SeededEntropy::new(99),
            sealed: 0,
            rows: Vec::new(),
        }
    }

    pub async fn prepare(mut self, store: &Arc<SqliteStore>) -> Self {
        for tenant in 0..self.tenants {
            let slot = u32::try_from(tenant).expect("few tenants");
            let mut sealer = Sealer::new(&format!("t{tenant}"), u8::try_from(tenant).expect("few tenants"));
            sealer.filling = FILLING;
            store.put_log(sealer.log(Some(slot))).await.expect("a log");
            store.append(vec![sealer.genesis()]).await.expect("a genesis");
            self.sealers.push(sealer);
        }
        let mut left = self.prefill;
        while left > 0 {
            let now = left.min(100_000);
            let appends = self.seal(now);
            let (elapsed, _) = drive(store, appends, 1000, 4).await;
            println!("prefill: {:.0}/s", now as f64 / elapsed.as_secs_f64());
            left -= now;
        }
        self
    }

    pub fn a_stream(&self) -> (TenantId, StreamId) {
        ("t0".parse().expect("valid"), "evidence-0".parse().expect("valid"))
    }

    pub fn run(&mut self, runtime: &Runtime, store: &Arc<SqliteStore>) -> f64 {
        let appends = self.seal(self.events);
        let row = |append: &Append| (append.first().header.len(), append.stream().id().parse().unwrap_or(0));
        self.rows = appends.iter().map(row).collect();
        let (elapsed, mut latencies) = runtime.block_on(drive(store, appends, self.batch, self.writers));
        latencies.sort_unstable();
        let rate = self.events as f64 / elapsed.as_secs_f64();
        println!(
            "append: {rate:.0}/s; a call of {}: p50 {:?}, p99 {:?}",
            self.batch,
            latencies[latencies.len() / 2],
            latencies[latencies.len() * 99 / 100]
        );
        rate
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.dice.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn seal(&mut self, events: usize) -> Vec<Append> {
        let mut appends = Vec::with_capacity(events);
        for _ in 0..events {
            let random = self.random();
            // No number of streams: a new stream for each event, its id in time order, as evidence has it.
            let stream = match self.streams {
                0 => format!("evidence-{:032x}", self.sealed),
                streams => format!("evidence-{}", random as usize % streams),
            };
            let sealer = (random >> 40) as usize % self.tenants;
            let append = self.sealers[sealer].append(&stream, 1);
            self.sealed += 1;
            let id = match self.commands {
                0 => None,
                1 => Some(format!("{:032x}", self.sealed)),
                _ => Some(format!("{:016x}{:016x}", self.random(), self.sealed)),
            };
            appends.push(match id {
                Some(id) => {
                    let id: CommandId = id.parse().expect("valid");
                    append.with_command(CommandRecord { id, body_mac: [1; 32] })
                }
                None => append,
            });
        }
        appends
    }
}

/// Sends batches in order, several at a time: a stream's events must arrive as they were sealed.
async fn drive(
    store: &Arc<SqliteStore>,
    appends: Vec<Append>,
    batch: usize,
    writers: usize,
) -> (Duration, Vec<Duration>) {
    let mut batches = Vec::new();
    let mut appends = appends.into_iter();
    loop {
        let next: Vec<Append> = appends.by_ref().take(batch).collect();
        if next.is_empty() {
            break;
        }
        batches.push(next);
    }
    let mut latencies = Vec::with_capacity(batches.len());
    let mut running = VecDeque::new();
    let watch = Stopwatch::start();
    for batch in batches {
        let store = store.clone();
        let started = Stopwatch::start();
        let mut call = Box::pin(async move {
            let verdicts = store.append(batch).await.expect("an append");
            assert!(verdicts.iter().all(|v| matches!(v, Verdict::Committed { .. })), "{verdicts:?}");
            started.elapsed()
        });
        // Polled once here, so that calls are queued in order.
        tokio::select! {
            biased;
            latency = &mut call => latencies.push(latency),
            () = std::future::ready(()) => running.push_back(call),
        }
        while running.len() >= writers {
            latencies.push(running.pop_front().expect("some run").await);
        }
    }
    for call in running {
        latencies.push(call.await);
    }
    (watch.elapsed(), latencies)
}
