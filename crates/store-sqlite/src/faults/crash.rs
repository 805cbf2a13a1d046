//! R1: kill -9 under load. What was acknowledged is there, and all that is there is right.
//!
//! The test runs itself again as a child that appends from several tasks and prints every acknowledgement; it is
//! killed after a number of them, and what it printed is looked for. The control acknowledges before the commit.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use ledger_store::conformance::Sealer;
use ledger_store::{EventStore, Read, SideStore, Verdict};

use super::{log, open, options, rounds, runtime};
use crate::store::SqliteStore;
use crate::verify::verify_store;

const DIR: &str = "LEDGER_TEST_CRASH_DIR";
const WEAK: &str = "LEDGER_TEST_CRASH_WEAK";
const STREAMS: usize = 8;

#[expect(clippy::disallowed_methods, reason = "the parent names the directory to its child")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The child: does nothing unless a parent has named a directory.
#[test]
fn child() {
    let Some(dir) = environment(DIR) else { return };
    let mut options = options(dir.as_ref());
    options.weakness.answer_before_commit = environment(WEAK).is_some();
    runtime().block_on(async {
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let sealer = Arc::new(Mutex::new(resumed(&store).await));
        let mut tasks = Vec::new();
        for stream in 0..STREAMS {
            tasks.push(tokio::spawn(append_for_ever(store.clone(), sealer.clone(), format!("s-{stream}"))));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn resumed(store: &SqliteStore) -> Sealer {
    if store.logs().await.unwrap().is_empty() {
        return log(store, "a", 1).await;
    }
    let mut sealer = Sealer::new("a", 1);
    if store.log_head(sealer.tenant()).await.unwrap().unwrap().size == 0 {
        let genesis = sealer.genesis();
        store.append(vec![genesis]).await.unwrap();
    }
    for stream in 0..STREAMS {
        let name = format!("s-{stream}");
        let head = store.stream_head(sealer.tenant(), &name.parse().unwrap()).await.unwrap();
        sealer.rewind(&name, head);
    }
    sealer
}

async fn append_for_ever(store: Arc<SqliteStore>, sealer: Arc<Mutex<Sealer>>, stream: String) {
    for size in [1, 3, 1, 7, 2].into_iter().cycle() {
        let append = sealer.lock().unwrap().append(&stream, size);
        let last = (append.last().seq, append.last().hash);
        let verdict = store.append(vec![append]).await.unwrap().remove(0);
        assert!(matches!(verdict, Verdict::Committed { .. }), "{verdict:?}");
        let line = format!("acknowledged {stream} {} {}\n", last.0, last.1);
        // One write a line: a kill cuts between lines.
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}

struct Acknowledged {
    stream: String,
    seq: u64,
    hash: String,
}

/// Lets a child work until it has acknowledged `until` appends, kills it, and gives all that it had printed.
fn killed(dir: &std::path::Path, until: usize, weak: bool) -> Vec<Acknowledged> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::crash::child", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).stdout(Stdio::piped()).stderr(Stdio::null());
    if weak {
        command.env(WEAK, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut acknowledged = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        // The harness prints the test's name on the first line without ending it.
        let Some(at) = line.find("acknowledged ") else { continue };
        let mut words = line[at..].split(' ').skip(1).map(str::to_owned);
        let (stream, seq, hash) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        acknowledged.push(Acknowledged { stream, seq: seq.parse().unwrap(), hash });
        if acknowledged.len() == until {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= until, "the child ended by itself");
    acknowledged
}

/// Of these, so many are not in the store.
fn lost(dir: &std::path::Path, acknowledged: &[Acknowledged]) -> usize {
    runtime().block_on(async {
        let store = open(dir);
        let tenant = "a".parse().unwrap();
        let mut lost = 0;
        for Acknowledged { stream, seq, hash } in acknowledged {
            let page =
                store.read(Read::stream(&tenant, &stream.parse().unwrap(), *seq).limit(1)).await.unwrap();
            let found =
                page.events.first().map(|event| ledger::event::EventHash::of(&event.header).to_string());
            lost += usize::from(found.as_ref() != Some(hash));
        }
        lost
    })
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let cycles = rounds("kill -9", 12, 1000);
    let dir = tempfile::tempdir().unwrap();
    let mut total = 0;
    for cycle in 0..cycles {
        let acknowledged = killed(dir.path(), 1 + cycle * 37 % 150, false);
        total += acknowledged.len();
        assert_eq!(lost(dir.path(), &acknowledged), 0, "cycle {cycle}");
        if cycle % 50 == 49 || cycle + 1 == cycles {
            let report = verify_store(&options(dir.path()), |_, _| {}).unwrap();
            assert!(report.holds(), "cycle {cycle}: {:?}", report.failures);
        }
    }
    println!("kill -9: {cycles} cycles, {total} acknowledged, 0 lost");
}

#[test]
fn the_suite_would_notice_an_acknowledgement_before_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let noticed = (0..200).any(|cycle| {
        let acknowledged = killed(dir.path(), 1 + cycle * 37 % 150, true);
        lost(dir.path(), &acknowledged) > 0
    });
    assert!(noticed);
}
