//! R4: a flipped bit or a cut in the database, its write-ahead log or the head file is refused at start, found by
//! a full verification, or changes nothing that is read.

use std::path::Path;
use std::sync::Arc;

use ledger::tile::TileId;
use ledger_store::{Append, CommandRecord, EventStore, Read};

use super::{Dice, commit, log, open, options, rounds, runtime};
use crate::store::SqliteStore;
use crate::verify::verify_store;

const FILES: [&str; 3] = ["events.db", "events.db-wal", "heads"];

/// The files as a crash leaves them: some commits in the database, some in the write-ahead log.
fn crashed(dir: &Path) {
    let live = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = open(live.path());
        let mut a = log(&store, "a", 1).await;
        commit(&store, vec![a.append("s-1", 300)]).await;
        drop(store);
        let store = open(live.path());
        let mut b = log(&store, "b", 2).await;
        for round in 0..12 {
            let id: ledger::ids::CommandId = format!("c-{round}").parse().unwrap();
            a.command = Some(id.clone());
            let command = CommandRecord { id, body_mac: [1; 32] };
            commit(&store, vec![a.append("s-2", 2).with_command(command), b.append("s-1", 1)]).await;
            commit(&store, vec![Append::new(vec![b.withheld("s-2", "ann")]).unwrap()]).await;
        }
        for name in FILES {
            std::fs::copy(live.path().join(name), dir.join(name)).unwrap();
        }
    });
}

/// All that the store says, or the first error.
async fn said(store: &SqliteStore) -> Result<String, ledger_store::StoreError> {
    let mut said = Vec::new();
    let events = store.read(Read::all(0).limit(10_000)).await?.events;
    for tenant in ["a", "b"].map(|tenant| tenant.parse().unwrap()) {
        said.push(format!("{:?}", store.log_head(&tenant).await?));
        said.push(format!("{:?}", store.read(Read::log(&tenant, 0).limit(10_000)).await?.events));
        for stream in ["s-1", "s-2"].map(|stream| stream.parse().unwrap()) {
            said.push(format!("{:?}", store.stream_head(&tenant, &stream).await?));
            said.push(format!(
                "{:?}",
                store.read(Read::stream(&tenant, &stream, 0).limit(10_000)).await?.events
            ));
        }
        for tile in [(0, 0, 256), (0, 1, 9), (1, 0, 1)] {
            let tile = TileId { level: tile.0, index: tile.1, width: tile.2 };
            said.push(format!("{:?}", store.tile(&tenant, &tile).await?));
        }
        for round in 0..12 {
            let receipt = store.command(&tenant, &format!("c-{round}").parse().unwrap()).await?;
            said.push(format!("{:?}", receipt.map(|receipt| (receipt.first_index, receipt.last_index))));
        }
    }
    Ok(format!("{events:?}{said:?}"))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Outcomes {
    at_start: usize,
    by_verify: usize,
    harmless: usize,
}

/// Opens and verifies damaged files, and says what became of the damage; panics if it went unnoticed.
fn judge(dir: &Path, truth: &str, what: &str, outcomes: &mut Outcomes) {
    let holds = verify_store(&options(dir), |_, _| {}).is_ok_and(|report| report.holds());
    let Ok(store) = SqliteStore::open(options(dir)) else {
        outcomes.at_start += 1;
        return;
    };
    let store = Arc::new(store);
    let same = runtime().block_on(said(&store)).is_ok_and(|said| said == truth);
    assert!(same || !holds, "{what}: it opens and verifies, but says something else");
    *(if same { &mut outcomes.harmless } else { &mut outcomes.by_verify }) += 1;
}

fn truth(crashed: &Path) -> String {
    let dir = tempfile::tempdir().unwrap();
    copy_all(crashed, dir.path());
    runtime().block_on(async { said(&open(dir.path())).await.unwrap() })
}

fn copy_all(from: &Path, to: &Path) {
    for name in FILES {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let original = tempfile::tempdir().unwrap();
    crashed(original.path());
    let truth = truth(original.path());
    let dice = Dice::new(41);
    let mut outcomes = Outcomes::default();
    for round in 0..rounds("flipped bits", 60, 1500) {
        let name = FILES[round % 3];
        let dir = tempfile::tempdir().unwrap();
        copy_all(original.path(), dir.path());
        let path = dir.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        // Half of the head file is padding; its records are what matters.
        let at = if name == "heads" { 4096 + dice.below(256) } else { dice.below(bytes.len()) };
        bytes[at] ^= 1 << dice.below(8);
        std::fs::write(&path, bytes).unwrap();
        judge(dir.path(), &truth, &format!("byte {at} of {name}"), &mut outcomes);
    }
    println!("flipped bits: {outcomes:?}");
    assert!(outcomes.at_start > 0 && outcomes.by_verify > 0 && outcomes.harmless > 0, "{outcomes:?}");
}

#[test]
fn no_cut_goes_unnoticed() {
    let original = tempfile::tempdir().unwrap();
    crashed(original.path());
    let truth = truth(original.path());
    let dice = Dice::new(42);
    let mut outcomes = Outcomes::default();
    for round in 0..rounds("cuts", 24, 600) {
        let name = FILES[round % 3];
        let dir = tempfile::tempdir().unwrap();
        copy_all(original.path(), dir.path());
        let file = std::fs::File::options().write(true).open(dir.path().join(name)).unwrap();
        let length = dice.below(usize::try_from(file.metadata().unwrap().len()).unwrap());
        let length = if round < 3 { 0 } else { length };
        file.set_len(length as u64).unwrap();
        judge(dir.path(), &truth, &format!("{name} cut to {length}"), &mut outcomes);
    }
    println!("cuts: {outcomes:?}");
    assert!(outcomes.at_start > 0, "{outcomes:?}");
}

#[test]
fn no_missing_file_goes_unnoticed() {
    let original = tempfile::tempdir().unwrap();
    crashed(original.path());
    for name in FILES {
        let dir = tempfile::tempdir().unwrap();
        copy_all(original.path(), dir.path());
        std::fs::remove_file(dir.path().join(name)).unwrap();
        let refused = SqliteStore::open(options(dir.path())).err();
        assert!(refused.is_some(), "without {name}");
        assert!(!dir.path().join(name).exists() || name == "events.db-wal", "{name} was not made anew");
    }
}

/// A bit in the tail of the write-ahead log ends it early: events are missing and everything else is right.
#[test]
fn the_suite_would_notice_a_store_without_a_head_file() {
    let original = tempfile::tempdir().unwrap();
    crashed(original.path());
    let truth = truth(original.path());
    let dir = tempfile::tempdir().unwrap();
    copy_all(original.path(), dir.path());
    let path = dir.path().join("events.db-wal");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 5000;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(SqliteStore::open(options(dir.path())).is_err());
    let mut weak = options(dir.path());
    weak.weakness.no_head_file = true;
    let store = SqliteStore::open(weak).unwrap();
    let silent = runtime().block_on(said(&store)).unwrap();
    assert!(silent.len() < truth.len());
}
