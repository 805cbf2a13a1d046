//! Writes an export of any size, to measure with: `make_export DIRECTORY EVENTS STREAMS`.

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod support;

use ledger::bundle::BundleWriter;
use ledger::checkpoint::Checkpoint;
use ledger::merkle::Frontier;
use ledger_replay::DirectorySink;
use support::Maker;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, events, streams] = &arguments[..] else {
        panic!("usage: make_export DIRECTORY EVENTS STREAMS")
    };
    let (events, streams): (u64, u64) = (events.parse().unwrap(), streams.parse().unwrap());
    let mut maker = Maker::new("big", 7);
    let mut writer = BundleWriter::new(DirectorySink::create(directory.as_ref()).unwrap());
    let mut tree = Frontier::default();
    for n in 0..events {
        let made = if n == 0 { maker.genesis() } else { maker.evidence(n, streams, Vec::new()) };
        writer.entry(&made.event.entry()).unwrap();
        tree.push(made.event.leaf);
    }
    let head = Checkpoint { origin: maker.origin.clone(), size: tree.size(), root: tree.root() };
    let checkpoint = head.sign(&maker.checkpoint_key).unwrap().to_string();
    let finished = writer.finish(&checkpoint, &maker.policy(), maker.meta(), &maker.checkpoint_key).unwrap();
    println!("{:?}", finished.1);
}
