//! Evidence over HTTP with authentication, beside a bare server over bare SQLite under the same load.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use ledger::clock::Stopwatch;
use serde_json::Value;

use super::ground::Ground;
use super::load::{self, Load};
use super::place::Scratch;
use super::process::Server;
use super::workload::{Samples, cpu_time, resident_mib};
use super::{Figure, micros_each, percentile_ms, rate, reference};
use crate::cli::bench::BenchArgs;
use crate::config::Config;

/// Numbers of the evidence that is sent one by one, far from those of the load.
const SINGLES: u64 = 1 << 40;

/// Measures a server of its own process.
///
/// # Errors
/// The server does not start, or refuses a request.
pub fn run(config: &Config, args: &BenchArgs) -> Result<Vec<Figure>> {
    let ground = crate::cli::serve::runtime()?.block_on(Ground::of(config))?;
    let scratch = Scratch::new()?;
    let data = scratch.path().join("data");
    let server = Server::start(&ground, &data)?;
    server.post("/v1/frameworks/starter", "")?;
    server.drained()?;
    let (first_ready, idle) = (server.ready, resident_mib(server.pid())?);
    let samples = Samples::new();
    // So that neither the first allocation nor the first page of a file is measured.
    submit(&server, &samples, args, SINGLES << 1, args.events / 10)?;
    let before = cpu_time(server.pid())?;
    let (load, drain) = submit(&server, &samples, args, 0, args.events)?;
    let cpu = cpu_time(server.pid())?.saturating_sub(before);
    let busy = resident_mib(server.pid())?;
    let bare = bare(args, &samples)?;
    let batch = args.batch.max(1);
    let events = load.requests * batch as u64;
    let acknowledged = rate(events, load.took);
    let drained = rate(events, load.took + drain);
    let name = match batch {
        1 => format!("http, {} clients, one event a request", args.clients),
        _ => format!("http, {} clients, batches of {batch}, read models drained", args.clients),
    };
    let value = if batch == 1 { acknowledged } else { drained };
    let mut figure = Figure::new(
        ground.named(&name),
        value,
        "events/s",
        "bare HTTP server, bare SQLite, no key",
        rate(events, bare.took),
    )
    .detail("acknowledged", acknowledged, "events/s")
    .detail("until the read models have all of them", drained, "events/s")
    .detail("server CPU an event, drained", micros_each(cpu, events), "µs")
    .detail("p50", load.percentile_ms(0.50), "ms")
    .detail("p99", load.percentile_ms(0.99), "ms")
    .detail("bare, p99", bare.percentile_ms(0.99), "ms")
    .detail("idle memory", idle, "MiB")
    .detail("memory after the load", busy, "MiB")
    .detail("first start to ready", first_ready.as_secs_f64() * 1000.0, "ms");
    if batch == 1 {
        let (receipt, visible) = waits(&server, &samples, args, acknowledged)?;
        figure = figure.detail("append to inclusion proof, p99", receipt, "ms").detail(
            "append to read model at half load, p99",
            visible,
            "ms",
        );
    }
    drop(server);
    let again = Server::start(&ground, &data)?;
    Ok(vec![figure.detail("start to ready after a kill", again.ready.as_secs_f64() * 1000.0, "ms")])
}

/// Sends evidence and waits for the read models; how the requests went and how long the rest took.
fn submit(
    server: &Server,
    samples: &Samples,
    args: &BenchArgs,
    from: u64,
    events: u64,
) -> Result<(Load, Duration)> {
    let make = |n, out: &mut Vec<u8>| request(out, &server.key, samples, from, n, args.batch);
    let requests = events.div_ceil(args.batch.max(1) as u64);
    let load = load::run(server.address, args.clients, requests, &make)?;
    Ok((load, server.drained()?))
}

fn request(out: &mut Vec<u8>, key: &str, samples: &Samples, from: u64, n: u64, batch: usize) {
    if batch <= 1 {
        return load::post(out, "/v1/evidence", key, samples.body(from + n).as_bytes());
    }
    load::post(out, "/v1/evidence/batch", key, items(samples, from, n, batch).as_bytes());
}

fn items(samples: &Samples, from: u64, n: u64, batch: usize) -> String {
    let first = from + n * batch as u64;
    let bodies: Vec<String> = (first..first + batch as u64).map(|n| samples.body(n)).collect();
    format!("{{\"items\":[{}]}}", bodies.join(","))
}

fn bare(args: &BenchArgs, samples: &Samples) -> Result<Load> {
    let scratch = Scratch::new()?;
    let runtime = crate::cli::serve::runtime()?;
    let batch = args.batch.max(1);
    let address: SocketAddr = runtime.block_on(reference::serve(scratch.path(), batch))?;
    let make = |n, out: &mut Vec<u8>| {
        let body = if batch == 1 { samples.body(n) } else { items(samples, 0, n, batch) };
        load::post(out, "/", "none", body.as_bytes());
    };
    load::run(address, args.clients, args.events.div_ceil(batch as u64), &make)
}

/// The p99 of the time from an answer to the inclusion proof, and to the read model under half the load, in ms.
fn waits(server: &Server, samples: &Samples, args: &BenchArgs, full_rate: f64) -> Result<(f64, f64)> {
    const PROOFS: u64 = 30;
    const READS: u64 = 200;
    let mut proofs = Vec::new();
    for n in 0..PROOFS {
        let receipt = server.post("/v1/evidence", &samples.body(SINGLES + n))?;
        let index = receipt.get("index").and_then(Value::as_u64).context("a receipt has an index")?;
        proofs.push(server.until(&format!("/v1/events/{index}/proof"), |status, _| status == 200)?);
    }
    let events = (args.events / 4).max(1);
    let visible = thread::scope(|scope| {
        let paced = scope.spawn(|| {
            let watch = Stopwatch::start();
            let make = |n: u64, out: &mut Vec<u8>| {
                #[expect(clippy::cast_precision_loss, reason = "a point in time, to the microsecond")]
                let due = Duration::from_secs_f64(n as f64 / (full_rate / 2.0));
                thread::sleep(due.saturating_sub(watch.elapsed()));
                request(out, &server.key, samples, SINGLES * 3, n, 1);
            };
            load::run(server.address, args.clients, events, &make)
        });
        let mut seen = Vec::new();
        for n in 0..READS {
            if paced.is_finished() {
                break;
            }
            let n = SINGLES + PROOFS + n;
            server.post("/v1/evidence", &samples.body(n))?;
            seen.push(server.until(&format!("/v1/evidence/{}", samples.id(n)), |status, _| status == 200)?);
        }
        paced.join().expect("the load does not panic")?;
        anyhow::Ok(seen)
    })?;
    let p99 = |mut times: Vec<Duration>| {
        times.sort_unstable();
        percentile_ms(&times, 0.99)
    };
    Ok((p99(proofs), p99(visible)))
}
