//! R3: a disk that fails or is full. What was acknowledged is there, what was refused is not, and the store goes on
//! once the disk does.
//!
//! A child appends one event after the other while `strace` makes the nth fsync, write or truncation of a file
//! fail; then it aborts, so that the next start recovers from what lies on disk. The control takes a failed commit
//! for one that has not happened, as SQLite's error alone would suggest.

use std::path::Path;
use std::process::{Command, Stdio};

use ledger_store::conformance::Sealer;
use ledger_store::{EventStore, Read, StoreError, Verdict};

use super::{commit, has, log, open, options, rounds, runtime};
use crate::error::OpenError;
use crate::store::SqliteStore;
use crate::verify::verify_store;

const DIR: &str = "LEDGER_TEST_DISK_DIR";
const WEAK: &str = "LEDGER_TEST_DISK_WEAK";
const APPENDS: usize = 12;
/// Refusals after which the child gives up: the disk stays full.
const REFUSALS_MAX: usize = 6;

#[expect(clippy::disallowed_methods, reason = "the parent names the directory to its child")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The child: does nothing unless a parent has named a directory.
#[test]
fn child() {
    let Some(dir) = environment(DIR) else { return };
    let mut options = options(dir.as_ref());
    options.weakness.commit_error_means_no = environment(WEAK).is_some();
    let Ok(store) = SqliteStore::open(options) else { return };
    runtime().block_on(append_until_done(&store));
    std::process::abort();
}

async fn append_until_done(store: &SqliteStore) {
    let mut sealer = Sealer::new("a", 1);
    let Ok(mut head) = store.stream_head(sealer.tenant(), &"s-1".parse().unwrap()).await else { return };
    let (mut committed, mut refused) = (0, 0);
    // The control ends with the first refusal: whatever it did next could put things right by chance.
    let refusals_max = if environment(WEAK).is_some() { 1 } else { REFUSALS_MAX };
    while committed < APPENDS && refused < refusals_max {
        sealer.rewind("s-1", head);
        // Never the same bytes twice, as when a command is decided again.
        sealer.filling += 1;
        let append = sealer.append("s-1", 1);
        let (seq, hash) = (append.last().seq, append.last().hash);
        loop {
            match store.append(vec![append.clone()]).await.map(|mut verdicts| verdicts.remove(0)) {
                Ok(Verdict::Committed { .. }) => {
                    println!("\nacknowledged {seq} {hash}");
                    (committed, head) = (committed + 1, sealer.head("s-1"));
                    break;
                }
                Err(StoreError::OutcomeUnknown { .. }) if refused < refusals_max => refused += 1,
                Err(error) => {
                    println!("\nrefused {seq} {hash} {error:?}");
                    refused += 1;
                    break;
                }
                Ok(other) => panic!("{other:?}"),
            }
        }
    }
}

struct Told {
    acknowledged: Vec<(u64, String)>,
    refused: Vec<(u64, String)>,
    errors: String,
}

/// Runs the child, under `wrapper` if there is one.
fn told(dir: &Path, wrapper: &[&str], weak: bool) -> Told {
    let own = std::env::current_exe().unwrap();
    let own = own.to_str().unwrap();
    let line: Vec<&str> = wrapper.iter().copied().chain([own, "--exact", "faults::disk::child"]).collect();
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).args(["--nocapture", "--test-threads=1"]).env(DIR, dir).stderr(Stdio::null());
    if weak {
        command.env(WEAK, "1");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let of = |word: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(word));
        let pair = |line: &str| {
            let mut words = line.split(' ');
            (words.next().unwrap().parse().unwrap(), words.next().unwrap().to_owned())
        };
        lines.map(pair).collect::<Vec<_>>()
    };
    Told { acknowledged: of("acknowledged "), refused: of("refused "), errors: text.clone() }
}

/// A store with some events, closed.
fn prepared(dir: &Path) {
    runtime().block_on(async {
        let store = open(dir);
        let mut sealer = log(&store, "a", 1).await;
        commit(&store, vec![sealer.append("s-1", 5)]).await;
    });
}

/// How many of what was told are not as told: acknowledged and missing, refused and there.
fn untrue(dir: &Path, told: &Told) -> usize {
    runtime().block_on(async {
        let store = open(dir);
        let stream = "s-1".parse().unwrap();
        let events = store.read(Read::stream(&"a".parse().unwrap(), &stream, 0)).await.unwrap().events;
        let hashes: Vec<String> =
            events.iter().map(|event| ledger::event::EventHash::of(&event.header).to_string()).collect();
        let there = |(seq, hash): &(u64, String)| hashes.get(usize::try_from(*seq).unwrap()) == Some(hash);
        told.acknowledged.iter().filter(|event| !there(event)).count()
            + told.refused.iter().filter(|event| there(event)).count()
    })
}

fn strace<'a>(inject: &'a str, trace: &'a str, file: &'a str) -> Vec<&'a str> {
    vec!["strace", "-f", "-q", "-o", "/dev/null", "-P", file, "-e", trace, "-e", inject]
}

#[test]
fn a_disk_that_fails_once_makes_nothing_untrue() {
    if !has("strace") {
        return;
    }
    let mut told_wrong = 0;
    let (mut runs, mut refusals) = (0, 0);
    let places = rounds("failing disk, nth call", 4, 60);
    for nth in 1..=places {
        for (call, file) in [
            ("fsync", "events.db-wal"),
            ("pwrite64", "events.db-wal"),
            ("pwrite64", "heads"),
            ("fsync", "events.db"),
            ("ftruncate", "events.db-wal"),
        ] {
            let error = if nth % 2 == 0 { "EIO" } else { "ENOSPC" };
            let dir = tempfile::tempdir().unwrap();
            prepared(dir.path());
            let path = dir.path().join(file);
            let inject = format!("inject={call}:error={error}:when={}", nth * 3 - 2);
            let wrapper = strace(&inject, call, path.to_str().unwrap());
            let told = told(dir.path(), &wrapper, false);
            (runs, refusals) = (runs + 1, refusals + told.refused.len());
            told_wrong += untrue(dir.path(), &told);
            let report = verify_store(&options(dir.path()), |_, _| {}).unwrap();
            assert!(report.holds(), "{inject} {file}: {:?}", report.failures);
            if call == "pwrite64" && file == "events.db-wal" && !told.refused.is_empty() {
                let kind = if error == "EIO" { "Unavailable" } else { "Full" };
                assert!(told.errors.contains(kind), "{}", told.errors);
            }
            // It goes on: one failure is not the end.
            let opened = !told.acknowledged.is_empty() || !told.refused.is_empty();
            assert!(!opened || told.acknowledged.len() == APPENDS, "{inject} {file}: {}", told.errors);
        }
    }
    println!("failing disk: {runs} runs, {refusals} refusals, {told_wrong} untrue");
    assert_eq!(told_wrong, 0);
    assert!(refusals > 0);
}

/// A sync that fails leaves a whole transaction in the write-ahead log, which the next start takes in: to call it
/// refused was wrong.
#[test]
fn the_suite_would_notice_a_failed_commit_taken_for_none() {
    if !has("strace") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    prepared(dir.path());
    let path = dir.path().join("events.db-wal");
    let inject = "inject=fsync:error=EIO:when=8+";
    let wrapper = strace(inject, "fsync", path.to_str().unwrap());
    let told = told(dir.path(), &wrapper, true);
    assert!(!told.refused.is_empty());
    assert!(untrue(dir.path(), &told) > 0);
}

/// A file size limit stands for a full disk where none can be mounted.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    prepared(dir.path());
    let mut refusals = 0;
    for kib in [120, 200, 300, 400] {
        // `ulimit -f` counts 512-byte blocks in `sh`; the signal that comes with it is ignored.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
        let told = told(dir.path(), &["sh", "-c", &script], false);
        refusals += told.refused.len();
        assert_eq!(untrue(dir.path(), &told), 0);
        let report = verify_store(&options(dir.path()), |_, _| {}).unwrap();
        assert!(report.holds(), "{:?}", report.failures);
    }
    assert!(refusals > 0);
    let told = told(dir.path(), &["env"], false);
    assert_eq!(told.acknowledged.len(), APPENDS, "it goes on when there is room");
}

#[test]
fn a_directory_that_cannot_be_used_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let refused = SqliteStore::open(options(&missing)).err();
    assert!(matches!(refused, Some(OpenError::Io { .. })), "{refused:?}");
    prepared(dir.path());
    let held = open(dir.path());
    let refused = SqliteStore::open(options(dir.path())).err();
    let expected = OpenError::Locked { path: dir.path().to_owned(), pid: std::process::id() };
    assert_eq!(refused, Some(expected));
    drop(held);
    std::fs::write(dir.path().join("events.db"), b"this is not a database, but long enough to be read")
        .unwrap();
    let refused = SqliteStore::open(options(dir.path())).err();
    assert!(matches!(refused, Some(OpenError::Damaged { .. })), "{refused:?}");
}
