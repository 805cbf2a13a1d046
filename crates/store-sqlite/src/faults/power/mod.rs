//! R2: power loss. Whatever part of what was not yet synced has reached the disk, what was acknowledged is there.
//!
//! A child appends under `strace`, which records every write, cut and sync. From that record disks are made as a
//! power loss at any step could leave them: everything that was synced, and of the rest any part, in any order, some
//! of it torn at sectors. Each is opened. The control syncs as `synchronous=NORMAL` does.

mod trace;

use std::process::{Command, Stdio};

use ledger_store::{EventStore, Read, SideStore, StoredCheckpoint};

use super::{Dice, commit, has, log, open, options, rounds, runtime};
use crate::store::SqliteStore;
use crate::verify::verify_store;
use trace::Step;

const DIR: &str = "LEDGER_TEST_POWER_DIR";
const WEAK: &str = "LEDGER_TEST_POWER_WEAK";
const FILES: [&str; 3] = ["events.db", "events.db-wal", "heads"];
const SECTOR: usize = 512;

#[expect(clippy::disallowed_methods, reason = "the parent names the directory to its child")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The child: does nothing unless a parent has named a directory.
#[test]
fn child() {
    let Some(dir) = environment(DIR) else { return };
    let mut options = options(dir.as_ref());
    options.weakness.synchronous_normal = environment(WEAK).is_some();
    runtime().block_on(async {
        let mut sealer = ledger_store::conformance::Sealer::new("a", 1);
        // Closed once in between, so that the write-ahead log is taken into the database and cut.
        for appends in [40, 25] {
            let store = SqliteStore::open(options.clone()).unwrap();
            for number in 0..appends {
                sealer.rewind(
                    "s-1",
                    store.stream_head(sealer.tenant(), &"s-1".parse().unwrap()).await.unwrap(),
                );
                let append = sealer.append("s-1", 1 + number % 3);
                let line = format!("acknowledged {} {}\n", append.last().seq, append.last().hash);
                commit(&store, vec![append]).await;
                print_at_once(&line);
                if number % 10 == 9 {
                    let size = store.log_head(sealer.tenant()).await.unwrap().unwrap().size;
                    let checkpoint = StoredCheckpoint { size, note: "checkpoint".to_owned() };
                    store.put_checkpoint(sealer.tenant(), checkpoint).await.unwrap();
                }
            }
        }
    });
    std::process::abort();
}

/// One write call a line, so that the trace has it whole.
fn print_at_once(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.flush().unwrap();
    out.write_all(line.as_bytes()).unwrap();
}

/// The files before the child ran, and what it did.
struct Recording {
    before: Vec<Vec<u8>>,
    steps: Vec<Step>,
}

fn record(weak: bool) -> Recording {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async { log(&open(dir.path()), "a", 1).await });
    let before = FILES.map(|name| std::fs::read(dir.path().join(name)).unwrap_or_default()).to_vec();
    let traced = tempfile::NamedTempFile::new().unwrap();
    let wrapper = trace::arguments(traced.path().to_str().unwrap());
    let mut command = Command::new(&wrapper[0]);
    command.args(&wrapper[1..]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::power::child", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
    if weak {
        command.env(WEAK, "1");
    }
    command.status().unwrap();
    let text = std::fs::read_to_string(traced.path()).unwrap();
    let steps = trace::read(&text, dir.path(), &FILES);
    let acknowledged = steps.iter().filter(|step| matches!(step, Step::Acknowledged { .. })).count();
    assert_eq!(acknowledged, 65, "the trace has what the child said");
    Recording { before, steps }
}

/// The disk as a power loss before step `at` could leave it.
fn image(recording: &Recording, at: usize, dice: &Dice) -> Vec<Vec<u8>> {
    let mut files = recording.before.clone();
    let durable_until: Vec<usize> = (0..files.len())
        .map(|of| {
            let synced = recording.steps[..at].iter().filter_map(|step| match step {
                Step::Synced { file, since } if *file == of => Some(*since),
                _ => None,
            });
            synced.max().unwrap_or(0)
        })
        .collect();
    // What is not durable: none of it, all of it, up to a place, or any of it, some torn.
    let mode = dice.below(4);
    let until = dice.below(at + 1);
    for (number, step) in recording.steps[..at].iter().enumerate() {
        let (Step::Write { file, .. } | Step::Cut { file, .. }) = step else { continue };
        let durable = number < durable_until[*file];
        let kept = match mode {
            0 => false,
            1 => true,
            2 => number < until,
            _ => dice.below(2) == 0,
        };
        match step {
            Step::Write { file, offset, bytes } if durable || kept => {
                let torn = !durable && mode == 3 && dice.below(4) == 0;
                write(&mut files[*file], *offset, bytes, |_| !torn || dice.below(2) == 0);
            }
            Step::Cut { file, length } if durable || kept => files[*file].resize(*length, 0),
            _ => {}
        }
    }
    files
}

fn write(file: &mut Vec<u8>, offset: usize, bytes: &[u8], keep: impl Fn(usize) -> bool) {
    for (sector, part) in bytes.chunks(SECTOR).enumerate() {
        if keep(sector) {
            let start = offset + sector * SECTOR;
            file.resize(file.len().max(start + part.len()), 0);
            file[start..start + part.len()].copy_from_slice(part);
        }
    }
}

/// How many acknowledged events are not there, `None` if the store does not even open.
fn lost(recording: &Recording, at: usize, files: &[Vec<u8>], thorough: bool) -> Option<usize> {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in FILES.iter().zip(files) {
        if !bytes.is_empty() {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
    }
    let hashes: Vec<String> = {
        let store = SqliteStore::open(options(dir.path())).ok()?;
        let stream = "s-1".parse().unwrap();
        let query = Read::stream(&"a".parse().unwrap(), &stream, 0).limit(1000);
        let events = runtime().block_on(store.read(query)).unwrap().events;
        events.iter().map(|event| ledger::event::EventHash::of(&event.header).to_string()).collect()
    };
    if thorough {
        let conn = rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
        // The child's checkpoints are only there to make it sync.
        conn.execute("DELETE FROM checkpoints", []).unwrap();
        let report = verify_store(&options(dir.path()), |_, _| {}).unwrap();
        assert!(report.holds(), "at {at}: {:?}", report.failures);
    }
    let acknowledged = recording.steps[..at].iter().filter_map(|step| match step {
        Step::Acknowledged { seq, hash } => Some((usize::try_from(*seq).unwrap(), hash)),
        _ => None,
    });
    Some(acknowledged.filter(|(seq, hash)| hashes.get(*seq) != Some(hash)).count())
}

#[test]
fn nothing_acknowledged_is_lost_with_the_power() {
    if !has("strace") {
        return;
    }
    let recording = record(false);
    let dice = Dice::new(7);
    let images = rounds("power loss", 60, 10_000);
    for number in 0..images {
        let at = dice.below(recording.steps.len() + 1);
        let files = image(&recording, at, &dice);
        let lost = lost(&recording, at, &files, number % 10 == 0);
        assert_eq!(lost, Some(0), "image {number}, at step {at} of {}", recording.steps.len());
    }
    println!("power loss: {images} images, 0 lost, 0 corrupt");
}

#[test]
fn the_suite_would_notice_commits_that_are_not_synced() {
    if !has("strace") {
        return;
    }
    let recording = record(true);
    let dice = Dice::new(8);
    let noticed = (0..200).any(|_| {
        let at = dice.below(recording.steps.len() + 1);
        let files = image(&recording, at, &dice);
        lost(&recording, at, &files, false).is_none_or(|lost| lost > 0)
    });
    assert!(noticed);
}
