//! Vectors of formats §8 and the rules of tlog-checkpoint.

use super::*;
use crate::merkle::{leaf_hash, root_of};
use crate::note::tests::{GOLDEN, LOG_SEED, LOG_VKEY};

fn golden() -> Checkpoint {
    let root = root_of(["event-0", "event-1", "event-2"].map(|leaf| leaf_hash(leaf.as_bytes())));
    Checkpoint { origin: "ledger.example/log".into(), size: 3, root }
}

#[test]
fn the_golden_checkpoint_is_made_and_opened() {
    let (opened, note) = Checkpoint::open(GOLDEN.as_bytes(), &LOG_VKEY.parse().unwrap()).unwrap();
    assert_eq!(opened, golden());
    assert_eq!(note.signatures().len(), 2);
    let signer = NoteSigner::from_seed("ledger.example/log", &LOG_SEED).unwrap();
    let signed = golden().sign(&signer).unwrap();
    assert_eq!(signed.signatures(), &note.signatures()[..1]);
    assert_eq!(signed.text(), note.text());
}

#[test]
fn a_checkpoint_is_opened_only_under_its_own_name() {
    let other = NoteSigner::from_seed("ledger.example/other", &LOG_SEED).unwrap();
    assert!(matches!(golden().sign(&other), Err(CheckpointError::Origin { .. })));
    let opened = Checkpoint::open(GOLDEN.as_bytes(), other.verifier());
    assert!(matches!(opened, Err(CheckpointError::Origin { .. })));
    let same_name = NoteSigner::from_seed("ledger.example/log", &[7; 32]).unwrap();
    let opened = Checkpoint::open(GOLDEN.as_bytes(), same_name.verifier());
    assert!(matches!(opened, Err(CheckpointError::Refused(_))));
}

#[test]
fn nothing_but_the_three_lines_is_a_checkpoint() {
    let text = golden().text();
    assert_eq!(text.parse(), Ok(golden()));
    for other in [
        String::new(),
        text.trim_end().to_owned(),
        format!("{text}extension\n"),
        format!("\n{text}"),
        text.replace("\n3\n", "\n03\n"),
        text.replace("\n3\n", "\n+3\n"),
        text.replace("\n3\n", "\n3 \n"),
        text.replace("\n3\n", "\n18446744073709551616\n"),
        text.replace("ledger.example/log", "ledger example"),
        text.replace("tjA=", "tjB="),
        text.replace("tjA=", "tg=="),
    ] {
        assert_eq!(other.parse::<Checkpoint>(), Err(CheckpointError::Malformed), "{other:?}");
    }
}
