//! Suite S2: adapters that leak, spin, hang, flood, write garbage or never get ready are ended in time, and a
//! neighbour notices nothing. The test executable is its own adapter.

mod foreign;
mod misbehave;

use std::process::ExitCode;
use std::time::Duration;

use ledger::clock::{Clock, Stopwatch, SystemClock};
use ledger_connectors::host::{Backoff, CallError, Instance, Limits, ProcessError, Program};
use ledger_connectors::protocol::{Call, Outcome, Reply, Step, Then};
use ledger_sandbox::Layer;
use serde_json::{Value, json};

const MESSAGE: Duration = Duration::from_millis(400);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("adapter") => return misbehave::child(&arguments[2..]),
        Some("adapter-launch") => return ledger_connectors::child::run_foreign(&arguments[2]),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let passed = runtime.block_on(async {
        let mut passed = ended_in_time().await;
        passed += starts().await;
        passed += backs_off_and_comes_back().await;
        passed += neighbours().await;
        passed + foreign::suite().await
    });
    println!("{passed} passed, 0 failed");
    ExitCode::SUCCESS
}

pub(crate) fn limits() -> Limits {
    let backoff = Backoff { base: Duration::from_millis(1), max: Duration::from_millis(1) };
    Limits { start: Duration::from_secs(2), message: MESSAGE, backoff, answers_max: 100_000 }
}

pub(crate) fn own() -> std::path::PathBuf {
    std::env::current_exe().expect("own path")
}

fn instance(name: &str, limits: Limits) -> Instance {
    Instance::new(Program::built_in(own(), name), json!({}), limits)
}

pub(crate) fn health() -> Call {
    Call::Health { now: SystemClock.now() }
}

fn poll() -> Call {
    Call::Poll { cursor: None, now: SystemClock.now() }
}

pub(crate) fn is_health(reply: &Result<Reply, CallError>) -> bool {
    matches!(reply, Ok(Reply::Step(Step { then: Then::Done(Outcome::Health(_)), .. })))
}

/// Each way to go wrong, and what the host sees of it.
async fn ended_in_time() -> usize {
    type Expected = fn(&ProcessError) -> bool;
    let ways: &[(&str, Expected)] = &[
        ("leaks", |e| matches!(e, ProcessError::Ended { .. })),
        ("spins", |e| matches!(e, ProcessError::Deadline)),
        ("hangs", |e| matches!(e, ProcessError::Deadline)),
        ("floods a line", |e| matches!(e, ProcessError::Line(_))),
        ("floods lines", |e| matches!(e, ProcessError::Unasked)),
        ("floods stderr", |e| matches!(e, ProcessError::Deadline)),
        ("writes garbage", |e| matches!(e, ProcessError::Line(_) | ProcessError::Unasked)),
        ("writes bytes", |e| matches!(e, ProcessError::Line(_) | ProcessError::Unasked)),
        ("nests deep", |e| matches!(e, ProcessError::Line(_))),
        ("answers another", |e| matches!(e, ProcessError::Unasked)),
        ("answers otherwise", |e| matches!(e, ProcessError::Unasked)),
        ("dies", |e| matches!(e, ProcessError::Ended { status, .. } if status.contains('7'))),
        ("panics", |e| matches!(e, ProcessError::Ended { said, .. } if said.contains("on purpose"))),
        ("aborts", |e| matches!(e, ProcessError::Ended { .. })),
        ("opens a file", |e| matches!(e, ProcessError::Ended { status, .. } if status.contains("sandbox"))),
    ];
    for (way, expected) in ways {
        // A process that leaks needs a moment to touch its memory.
        let patient = Limits { message: MESSAGE * 10, ..limits() };
        let instance = instance(way, if *way == "leaks" { patient } else { limits() });
        assert!(is_health(&instance.call(health()).await), "{way}: well at first");
        let (clock, result) = (Stopwatch::start(), instance.call(poll()).await);
        let Err(CallError::Process(error)) = result else { panic!("{way}: {result:?}") };
        assert!(expected(&error), "{way}: {error}");
        assert!(clock.elapsed() < MESSAGE * 11, "{way}: {:?}", clock.elapsed());
        println!(
            "{way:<20} ended after {:>4} ms: {}",
            clock.elapsed().as_millis(),
            first_line(&error.to_string())
        );
        assert!(instance.running().is_none());
    }
    // Its second answer waits in the pipe: found out at the next message at the latest.
    let twice = instance("answers twice", limits());
    assert!(is_health(&twice.call(health()).await));
    let results = [twice.call(poll()).await, twice.call(health()).await];
    assert!(results.iter().any(|result| matches!(result, Err(CallError::Process(ProcessError::Unasked)))));
    // Control: it is the deadline that ends one that hangs; a longer one lets it hang longer.
    let patient = instance("hangs", Limits { message: MESSAGE * 3, ..limits() });
    let clock = Stopwatch::start();
    assert!(patient.call(poll()).await.is_err());
    assert!(clock.elapsed() >= MESSAGE * 3);
    // Control: without the limit on memory nothing ends one that leaks but the deadline.
    let program = Program::built_in(own(), "leaks").giving_up(&[Layer::Rlimits]);
    let unlimited = Instance::new(program, json!({}), limits());
    assert!(matches!(unlimited.call(poll()).await, Err(CallError::Process(ProcessError::Deadline))));
    ways.len() + 3
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(90).collect()
}

async fn starts() -> usize {
    let quick = Limits { start: MESSAGE, ..limits() };
    for way in ["is never ready", "says nothing of hello"] {
        let clock = Stopwatch::start();
        let result = instance(way, quick).call(health()).await;
        assert!(matches!(result, Err(CallError::Process(ProcessError::Deadline))), "{way}: {result:?}");
        assert!(clock.elapsed() < MESSAGE * 3, "{way}");
    }
    let result = instance("is ready with nothing", limits()).call(health()).await;
    assert!(matches!(result, Err(CallError::Process(ProcessError::Unconfined(_)))), "{result:?}");
    let nowhere = Program::built_in("/nonexistent/ledger".into(), "jira");
    let result = Instance::new(nowhere, Value::Null, limits()).call(health()).await;
    assert!(matches!(result, Err(CallError::Process(ProcessError::Spawn(_)))), "{result:?}");
    // Every layer is named; one that is given up is not, and is accepted only because it was asked for.
    let well = instance("is well", limits());
    assert!(is_health(&well.call(health()).await));
    let layers = well.running().expect("runs").layers;
    println!("layers: {}", layers.join(" "));
    assert!(Layer::MANDATORY.iter().all(|l| layers.iter().any(|name| name.starts_with(l.name()))));
    let program = Program::built_in(own(), "is well").giving_up(&[Layer::Seccomp]);
    let without = Instance::new(program, json!({}), limits());
    assert!(is_health(&without.call(health()).await));
    assert!(!without.running().expect("runs").layers.contains(&"seccomp".into()));
    6
}

async fn backs_off_and_comes_back() -> usize {
    let backoff = Backoff { base: MESSAGE, max: MESSAGE };
    let instance = instance("dies", Limits { backoff, ..limits() });
    assert!(instance.call(poll()).await.is_err());
    let clock = Stopwatch::start();
    let refused = instance.call(health()).await;
    assert!(matches!(refused, Err(CallError::BackingOff { failures: 1, .. })), "{refused:?}");
    while !is_health(&instance.call(health()).await) {
        assert!(clock.elapsed() < MESSAGE * 10, "it comes back");
        tokio::task::yield_now().await;
    }
    assert!(clock.elapsed() + Duration::from_millis(20) >= MESSAGE, "not before its time");
    // A process that has answered enough is replaced without anyone noticing.
    let aging = self::instance("is well", Limits { answers_max: 5, ..limits() });
    for _ in 0..20 {
        assert!(is_health(&aging.call(health()).await));
    }
    2
}

/// The latency of a healthy adapter alone, and beside one of each kind of bad ones that are called all the time.
async fn neighbours() -> usize {
    let healthy = instance("is well", limits());
    let alone = latencies(&healthy, 2000).await;
    let bad: Vec<_> = ["hangs", "floods stderr", "floods a line", "writes garbage", "dies"]
        .into_iter()
        .map(|way| {
            let instance = instance(way, limits());
            tokio::spawn(async move {
                loop {
                    let _fails = instance.call(poll()).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let beside = latencies(&healthy, 2000).await;
    for task in bad {
        task.abort();
    }
    let at = |sorted: &[Duration], share: usize| sorted[sorted.len() * share / 100];
    println!(
        "round trip of a healthy adapter: p50 {:?}, p99 {:?}; beside five bad ones: p50 {:?}, p99 {:?}",
        at(&alone, 50),
        at(&alone, 99),
        at(&beside, 50),
        at(&beside, 99)
    );
    // Two cores are shared with the bad ones' processes; what must not happen is to wait for one of them.
    assert!(at(&beside, 99) < MESSAGE / 8, "a call waits for a bad neighbour");
    1
}

async fn latencies(instance: &Instance, count: usize) -> Vec<Duration> {
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let clock = Stopwatch::start();
        assert!(is_health(&instance.call(health()).await));
        all.push(clock.elapsed());
    }
    all.sort();
    all
}
