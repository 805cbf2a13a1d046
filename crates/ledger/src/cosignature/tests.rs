//! Vectors of formats §8 and the bodies of tlog-witness.

use proptest::prelude::*;

use super::*;
use crate::note::Note;
use crate::note::tests::{GOLDEN, WITNESS_SEED, WITNESS_VKEY};

#[test]
fn the_golden_cosignature_is_made_and_read() {
    let note = Note::parse(GOLDEN.as_bytes()).unwrap();
    let witness = Cosigner::from_seed("witness.example/w1", &WITNESS_SEED).unwrap();
    assert_eq!(witness.verifier().to_string(), WITNESS_VKEY);
    assert_eq!(witness.cosign(note.text(), 1_700_000_000), note.signatures()[1]);
    let signature = &note.signatures()[1].signature;
    assert_eq!(time_of(witness.verifier(), note.text(), signature), Some(1_700_000_000));
}

#[test]
fn a_cosignature_binds_its_time_and_text() {
    let witness = Cosigner::from_seed("w", &[1; 32]).unwrap();
    let line = witness.cosign("text\n", 12);
    let mut later = line.signature.clone();
    later[7] += 1;
    assert_eq!(time_of(witness.verifier(), "text\n", &line.signature), Some(12));
    assert_eq!(time_of(witness.verifier(), "text\n", &later), None);
    assert_eq!(time_of(witness.verifier(), "other\n", &line.signature), None);
    assert_eq!(time_of(witness.verifier(), "text\n", &line.signature[..71]), None);
    assert_eq!(time_of(witness.verifier(), "text\n", &[]), None);
}

#[test]
fn an_add_checkpoint_body_is_written_and_read() {
    let request = AddCheckpoint { old_size: 7, proof: vec![[1; 32], [2; 32]], checkpoint: GOLDEN.to_owned() };
    let body = request.encode();
    assert!(body.starts_with("old 7\nAQEB") && body.ends_with(&format!("\n\n{GOLDEN}")));
    assert_eq!(AddCheckpoint::parse(body.as_bytes()), Ok(request));
    let first = AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: String::new() };
    assert_eq!(first.encode(), "old 0\n\n");
    assert_eq!(AddCheckpoint::parse(b"old 0\n\n"), Ok(first));
}

#[test]
fn malformed_bodies_are_refused() {
    let hash = crate::b64::encode([0; 32]);
    let most = format!("old 1\n{}\n", format!("{hash}\n").repeat(63));
    assert!(AddCheckpoint::parse(most.as_bytes()).is_ok());
    for (body, error) in [
        ("", ExchangeError::Old),
        ("old 1", ExchangeError::Old),
        ("old 01\n\n", ExchangeError::Old),
        ("old -1\n\n", ExchangeError::Old),
        ("size 1\n\n", ExchangeError::Old),
        ("old 1\n", ExchangeError::NoCheckpoint),
        ("old 1\nAAAA\n\n", ExchangeError::Hash(1)),
        (&format!("old 1\n{hash}\n"), ExchangeError::NoCheckpoint),
        (&most.replacen('\n', &format!("\n{hash}\n"), 1), ExchangeError::TooManyHashes),
    ] {
        assert_eq!(AddCheckpoint::parse(body.as_bytes()), Err(error), "{body:?}");
    }
    assert_eq!(AddCheckpoint::parse(b"old 1\n\xff\n\n"), Err(ExchangeError::NotUtf8));
}

#[test]
fn the_answers_are_read() {
    assert_eq!(parse_conflict(conflict_body(42).as_bytes()), Ok(42));
    for body in ["", "42", "42\n\n", "042\n", "x\n"] {
        assert_eq!(parse_conflict(body.as_bytes()), Err(ExchangeError::Size), "{body:?}");
    }
    let witness = Cosigner::from_seed("w", &[1; 32]).unwrap();
    let line = witness.cosign("text\n", 12);
    assert_eq!(crate::note::parse_signatures(&line.to_string()), Ok(vec![line]));
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_the_same(
        old_size in any::<u64>(), hashes in 0_usize..5, at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        let request = AddCheckpoint { old_size, proof: vec![[9; 32]; hashes], checkpoint: GOLDEN.to_owned() };
        let mut body = request.encode().into_bytes();
        prop_assert_eq!(&AddCheckpoint::parse(&body).unwrap(), &request);
        let at = at.index(body.len());
        body[at] = to;
        if let Ok(read) = AddCheckpoint::parse(&body) {
            prop_assert_eq!(read.encode().into_bytes(), body);
        }
    }
}
