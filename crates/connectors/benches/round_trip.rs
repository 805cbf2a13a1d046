//! What the sandbox costs a round trip: the same adapter with all layers and with none, in turns.
//!
//! `cargo bench -p ledger-connectors --bench round_trip`

#[path = "../tests/host/misbehave.rs"]
mod misbehave;

use std::process::ExitCode;
use std::time::Duration;

use ledger::clock::{Clock, Stopwatch, SystemClock};
use ledger_connectors::host::{Instance, Limits, Program};
use ledger_connectors::protocol::Call;
use ledger_sandbox::Layer;
use serde_json::json;

/// Enough rounds that the median of each is steady, short enough to run beside other work.
const ROUNDS: usize = 40;
const CALLS: usize = 500;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == "adapter") {
        return misbehave::child(&arguments[2..]);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(compare());
    ExitCode::SUCCESS
}

async fn compare() {
    let own = std::env::current_exe().expect("own path");
    let shut_in = Program::built_in(own, "is well");
    let free = shut_in.clone().giving_up(&Layer::ALL);
    let [shut_in, free] = [shut_in, free].map(|program| Instance::new(program, json!({}), Limits::default()));
    let starts = [start(&shut_in).await, start(&free).await];
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.push(median(&shut_in).await);
        without.push(median(&free).await);
    }
    for medians in [&mut with, &mut without] {
        medians.sort();
    }
    let (with, without) = (with[ROUNDS / 2], without[ROUNDS / 2]);
    println!("spawn to first answer: {:?} shut in, {:?} free", starts[0], starts[1]);
    println!("round trip p50: {with:?} shut in, {without:?} free");
    println!("ratio: {:.3} (goal: at most 1.1)", with.as_secs_f64() / without.as_secs_f64());
}

async fn start(instance: &Instance) -> Duration {
    let clock = Stopwatch::start();
    instance.call(Call::Health { now: SystemClock.now() }).await.expect("answers");
    clock.elapsed()
}

async fn median(instance: &Instance) -> Duration {
    let mut all = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        all.push(start(instance).await);
    }
    all.sort();
    all[CALLS / 2]
}
