//! The example of the specification in our terms, and what happens to changed proofs.

use proptest::prelude::*;

use super::*;
use crate::merkle::MemoryTree;
use crate::note::NoteSigner;
use crate::note::tests::GOLDEN;

fn golden() -> TlogProof {
    let tree: MemoryTree =
        ["event-0", "event-1", "event-2"].map(|leaf| leaf_hash(leaf.as_bytes())).into_iter().collect();
    let path = proof::inclusion(1, 3, &tree).unwrap();
    TlogProof { entry: b"event-1".to_vec(), index: 1, path, checkpoint: GOLDEN.to_owned() }
}

#[test]
fn the_golden_proof_is_written_read_and_verified() {
    let text = golden().encode();
    let lines = "c2sp.org/tlog-proof@v1\nextra ZXZlbnQtMQ==\nindex 1\n\
        ZzTbOxm2Tcg3A/mh9K7naX37KS+04IJ8xj+KNRsbNgk=\nT7cNqgptqvfpPys3xeXfczRmMP2KUZltUPHY7v8nlCY=\n\n";
    assert_eq!(text, format!("{lines}{GOLDEN}"));
    let read = TlogProof::parse(text.as_bytes()).unwrap();
    assert_eq!(read, golden());
    let (checkpoint, note) = read.verify_path().unwrap();
    assert_eq!((checkpoint.size, note.signatures().len()), (3, 2));
}

#[test]
fn the_golden_consistency_proof_is_the_second_hash_alone() {
    let tree: MemoryTree =
        ["event-0", "event-1", "event-2"].map(|leaf| leaf_hash(leaf.as_bytes())).into_iter().collect();
    assert_eq!(proof::consistency(2, 3, &tree).unwrap(), golden().path[1..]);
}

#[test]
fn a_log_of_one_entry_has_an_empty_path() {
    let signer = NoteSigner::from_seed("log", &[1; 32]).unwrap();
    let head = Checkpoint { origin: "log".into(), size: 1, root: leaf_hash(b"only") };
    let checkpoint = head.sign(&signer).unwrap().to_string();
    let proof = TlogProof { entry: b"only".to_vec(), index: 0, path: Vec::new(), checkpoint };
    let read = TlogProof::parse(proof.encode().as_bytes()).unwrap();
    assert_eq!(read.verify_path().unwrap().0, head);
}

#[test]
fn malformed_proofs_are_refused_by_line() {
    let text = golden().encode();
    let too_many = text.replacen(
        "\n\n",
        &format!("\n{}\n", "ZzTbOxm2Tcg3A/mh9K7naX37KS+04IJ8xj+KNRsbNgk=\n".repeat(62)),
        1,
    );
    for (changed, at) in [
        (text.replace("@v1", "@v2"), 1),
        (text.replace("extra ", "extra  "), 2),
        (text.replace("ZXZlbnQtMQ==", "ZXZlbnQtMR=="), 2),
        (text.replace("extra ZXZlbnQtMQ==\n", ""), 2),
        (text.replace("index 1", "index 01"), 3),
        (text.replace("bNgk=", "bNg="), 4),
        (too_many, 67),
        (format!("{}\n", text.lines().take(5).collect::<Vec<_>>().join("\n")), 6),
    ] {
        match TlogProof::parse(changed.as_bytes()) {
            Err(TlogProofError::Line { line, .. }) => assert_eq!(line, at, "{changed}"),
            other => panic!("{other:?} for {changed}"),
        }
    }
    let long = vec![b'x'; PROOF_BYTES_MAX + 1];
    assert_eq!(TlogProof::parse(&long), Err(TlogProofError::TooLong(long.len())));
}

proptest! {
    #[test]
    fn a_changed_proof_is_refused_or_its_checkpoint_is(at in 0_usize..600, to in any::<u8>()) {
        let mut bytes = golden().encode().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(read) = TlogProof::parse(&bytes) {
            prop_assert_eq!(read.encode().into_bytes(), bytes);
            if read.verify_path().is_ok() {
                // Only signature lines are left to differ; the note's own tests say that these are noticed.
                prop_assert!(read.checkpoint != GOLDEN);
                prop_assert!(read.entry == golden().entry && read.index == 1);
            }
        }
    }
}
