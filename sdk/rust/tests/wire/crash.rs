//! A probe that is killed at any point loses nothing that it had accepted, and sends nothing twice.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use ledger::clock::{Entropy as _, SeededEntropy, SystemClock};
use ledger_probe::{Config, Probe};
use uuid::Uuid;

use crate::http::Server;
use crate::ledger::{Fault, TestLedger};
use crate::{PATIENCE, evidence};

const CHILD: &str = "LEDGER_PROBE_TEST_CHILD";
/// Set to 1: the probe is killed a thousand times instead of a dozen.
const LONG: &str = "LEDGER_TEST_LONG";

#[expect(clippy::disallowed_methods, reason = "the test starts itself as a child and tells it so")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Not a test of its own: the process that is killed. It prints each id after it was accepted.
#[test]
fn child() {
    let Some(arguments) = variable(CHILD) else { return };
    let [url, key, dir] = arguments.split('|').collect::<Vec<_>>()[..] else { panic!("{arguments}") };
    let probe = Probe::new(Config::new(url, key, dir).unwrap()).unwrap();
    for n in 0.. {
        println!("\naccepted {}", probe.submit(evidence(n)).unwrap());
    }
}

fn spawn(url: &str, key: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, format!("{url}|{key}|{}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_at_any_point_everything_arrives_exactly_once() {
    let ledger = Arc::new(TestLedger::new(Arc::new(SystemClock)));
    let server = Server::start(Arc::clone(&ledger));
    let dir = tempfile::tempdir().unwrap();
    let entropy = SeededEntropy::new(42);
    let cycles = if variable(LONG).is_some_and(|on| on == "1") { 1000 } else { 12 };
    let mut accepted: Vec<Uuid> = Vec::new();
    for cycle in 0..cycles {
        let mut random = [0; 2];
        entropy.fill(&mut random);
        if cycle % 3 == 1 {
            ledger.fault([Fault::AnswerLost, Fault::Down, Fault::AnswerLost]);
        }
        let mut child = spawn(&server.url, &ledger.api_key(), dir.path());
        let wanted = usize::from(random[0] % 60);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = 0;
        while read <= wanted {
            let line = lines.next().expect("the child prints until it is killed").unwrap();
            if let Some(id) = line.strip_prefix("accepted ") {
                accepted.push(id.parse().unwrap());
                read += 1;
            }
        }
        child.kill().unwrap();
        // What it had printed by then was accepted too.
        let rest =
            lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("accepted ")?.parse().ok());
        accepted.extend(rest.collect::<Vec<Uuid>>());
        child.wait().unwrap();
    }
    ledger.forget_faults();
    let probe = Probe::new(Config::new(&*server.url, &ledger.api_key(), dir.path()).unwrap()).unwrap();
    assert!(probe.flush(PATIENCE), "{:?}", probe.status());
    let held = ledger.held();
    let lost = accepted.iter().filter(|id| !held.contains_key(id)).count();
    assert_eq!(lost, 0, "accepted but lost, of {}", accepted.len());
    // Killed between the sync and the return, one a cycle may be there whose acceptance was never told.
    let untold = held.len() - accepted.len();
    assert!(untold <= cycles, "{untold} that nobody accepted");
    assert!(accepted.len() >= cycles);
    let status = probe.status();
    assert_eq!((status.rejected, status.damaged_bytes, status.receipts_refused), (0, 0, 0));
}
