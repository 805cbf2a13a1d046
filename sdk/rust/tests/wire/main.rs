//! The whole SDK against a small ledger that is strict about the wire format.

mod crash;
mod delivery;
mod disk;
mod http;
mod ledger;
mod outage;
mod tls;
mod trust;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::ledger::clock::{ManualClock, SeededEntropy};
use ::ledger::time::Timestamp;
use ledger_probe::sleeper::VirtualSleeper;
use ledger_probe::{CheckResult, Config, Evidence, Parts, Probe};

use crate::ledger::{Door, TestLedger};

/// How long a test waits, in real time, for what must happen. Much longer than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn start_time() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn evidence(n: usize) -> Evidence {
    Evidence::new("test/check", format!("Evidence {n} – “quoted” 🦀"), CheckResult::Pass)
        .control("starter", "host-1")
        .checked(1)
        .finding([("object", format!("thing {n}"))])
}

/// A ledger and a probe in virtual time, in one process.
struct World {
    clock: Arc<ManualClock>,
    ledger: Arc<TestLedger>,
    dir: tempfile::TempDir,
    entropy: Arc<SeededEntropy>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(start_time()));
        let ledger = Arc::new(TestLedger::new(Arc::clone(&clock) as _));
        let entropy = Arc::new(SeededEntropy::new(7));
        Self { clock, ledger, dir: tempfile::tempdir().unwrap(), entropy }
    }

    fn config(&self) -> Config {
        Config::new("http://127.0.0.1:1", &self.ledger.api_key(), self.dir.path()).unwrap()
    }

    fn parts(&self) -> Parts {
        Parts {
            clock: Arc::clone(&self.clock) as _,
            entropy: Arc::clone(&self.entropy) as _,
            sleeper: Arc::new(VirtualSleeper(Arc::clone(&self.clock))),
            transport: Some(Box::new(Door(Arc::clone(&self.ledger)))),
            ..Parts::default()
        }
    }

    fn probe(&self) -> Probe {
        Probe::with_parts(self.config(), self.parts()).unwrap()
    }
}

/// Waits for what the background thread must bring about.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let since = ::ledger::clock::Stopwatch::start();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::yield_now();
    }
}

fn files(dir: &Path, extension: &str) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|e| e == extension)).count()
}
