//! The rules of tlog-policy, and quorums held against counting.

use proptest::prelude::*;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::cosignature::Cosigner;
use crate::note::tests::{GOLDEN, LOG_VKEY, WITNESS_VKEY};
use crate::note::{Note, NoteSigner};
use crate::policy::parse::LineProblem;

fn witness(n: u8) -> Cosigner {
    Cosigner::from_seed(&format!("witness.example/{n}"), &[n; 32]).unwrap()
}

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

fn problem(text: &str) -> (usize, LineProblem) {
    match text.parse::<Policy>().unwrap_err() {
        PolicyError::Line { line, problem } => (line, problem),
        other => panic!("{other}"),
    }
}

/// Three witnesses of one organisation, three of another: the example of the specification.
fn nested() -> String {
    let mut text = format!("log {LOG_VKEY}\n");
    for n in 1..=6 {
        text.push_str(&format!("witness w{n} {}\n", witness(n).verifier()));
    }
    text + "group x 2 w1 w2 w3\ngroup y any w4 w5 w6\ngroup both all x y\nquorum both\n"
}

fn cosigned_by(witnesses: impl IntoIterator<Item = u8>) -> Note {
    let mut note = Note::new("text\n").unwrap();
    note.sign(&NoteSigner::from_seed("log", &[99; 32]).unwrap());
    witnesses.into_iter().for_each(|n| note.add(witness(n).cosign("text\n", 5)));
    note
}

#[test]
fn the_golden_checkpoint_satisfies_a_trust_file_of_its_witness() {
    let genesis = b64::encode_url([5; 32]);
    let text = format!(
        "# genesis {genesis}\n\n\t# note\nlog {LOG_VKEY} https://l.example/\n witness  w1\t{WITNESS_VKEY}\nquorum w1\n"
    );
    let policy = policy(&text);
    assert_eq!(policy.genesis(), Some(&[5; 32]));
    assert!(policy.wants_witnesses());
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://l.example/"));
    let (checkpoint, note) = Checkpoint::parse_note(GOLDEN.as_bytes()).unwrap();
    assert_eq!(policy.verify_log(&checkpoint, &note).unwrap().to_string(), LOG_VKEY);
    assert_eq!(policy.verify_quorum(&note).unwrap(), ["w1"]);
    assert_eq!(policy.to_string().parse(), Ok(policy));
}

#[test]
fn a_wrong_cosignature_of_a_known_witness_is_refused_not_ignored() {
    let policy = policy(&format!("log {LOG_VKEY}\nwitness w1 {WITNESS_VKEY}\nquorum none\n"));
    let spoiled = GOLDEN.replace("CeCQ==", "CeCA==");
    let (_, note) = Checkpoint::parse_note(spoiled.as_bytes()).unwrap();
    assert!(matches!(policy.verify_quorum(&note), Err(QuorumError::Refused(_))));
}

#[test]
fn an_unknown_log_is_named() {
    let (mut checkpoint, note) = Checkpoint::parse_note(GOLDEN.as_bytes()).unwrap();
    checkpoint.origin = "other".into();
    let policy = Policy::of_logs(None, [LOG_VKEY.parse().unwrap()]);
    assert_eq!(policy.verify_log(&checkpoint, &note), Err(QuorumError::UnknownLog("other".into())));
    assert!(!policy.wants_witnesses());
}

#[test]
fn a_quorum_that_is_not_reached_names_who_cosigned() {
    let policy = policy(&nested());
    let refused = policy.verify_quorum(&cosigned_by([1, 4])).unwrap_err();
    assert_eq!(
        refused,
        QuorumError::Quorum { quorum: "both".into(), cosigned: vec!["w1".into(), "w4".into()] }
    );
}

#[test]
fn wrong_lines_are_named() {
    let w = |n: u8| format!("witness w{n} {}", witness(n).verifier());
    let (w1, w2) = (w(1), w(2));
    let log = format!("log {LOG_VKEY}");
    for (text, line, expected) in [
        ("logs x\nquorum none\n".to_owned(), 1, LineProblem::Keyword("logs".into())),
        ("log\n".into(), 1, LineProblem::Items("log <vkey> [<url>]")),
        (format!("{log} a b\n"), 1, LineProblem::Items("log <vkey> [<url>]")),
        (format!("{log}\n{log}\n"), 2, LineProblem::DuplicateKey),
        (format!("log {WITNESS_VKEY}\n"), 1, LineProblem::KeyKind),
        (format!("witness w {LOG_VKEY}\n"), 1, LineProblem::KeyKind),
        (format!("{w1}\n{}\n", w1.replace("w1 ", "w2 ")), 2, LineProblem::DuplicateKey),
        (format!("{w1}\n{}\n", w2.replace("w2 ", "w1 ")), 2, LineProblem::DuplicateName("w1".into())),
        (format!("{}\n", w1.replace("w1 ", "none ")), 1, LineProblem::DuplicateName("none".into())),
        (format!("{w1}\ngroup g any w1 w2\n"), 2, LineProblem::Undefined("w2".into())),
        (format!("{w1}\ngroup g any g\n"), 2, LineProblem::Undefined("g".into())),
        (format!("{w1}\ngroup g any w1 w1\n"), 2, LineProblem::DuplicateMember("w1".into())),
        (format!("{w1}\ngroup g any w1\ngroup h any w1\n"), 3, LineProblem::DuplicateMember("w1".into())),
        (format!("{w1}\ngroup g 2 w1\n"), 2, LineProblem::Threshold),
        (format!("{w1}\ngroup g 0 w1\n"), 2, LineProblem::Threshold),
        (format!("{w1}\ngroup g 01 w1\n"), 2, LineProblem::Threshold),
        (format!("{w1}\ngroup g all\n"), 2, LineProblem::Threshold),
        (format!("{w1}\ngroup g any none\n"), 2, LineProblem::Undefined("none".into())),
        ("quorum w\n".into(), 1, LineProblem::Undefined("w".into())),
        ("quorum none\nquorum none\n".into(), 2, LineProblem::SecondQuorum),
        ("quorum none x\n".into(), 1, LineProblem::Items("quorum <name>|none")),
        ("# genesis AAAA\n".into(), 1, LineProblem::Genesis),
        ("# genesis\n".into(), 1, LineProblem::Genesis),
        ("quorum none\r\n".into(), 1, LineProblem::Control),
    ] {
        assert_eq!(problem(&text), (line, expected), "{text}");
    }
    assert_eq!(log.parse::<Policy>(), Err(PolicyError::NoQuorum));
    assert_eq!(
        " ".repeat(POLICY_BYTES_MAX + 1).parse::<Policy>(),
        Err(PolicyError::TooLong(POLICY_BYTES_MAX + 1))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nested_groups_count(who in prop::collection::btree_set(1_u8..=6, 0..6)) {
        let x = who.iter().filter(|n| **n <= 3).count();
        let y = who.iter().filter(|n| **n > 3).count();
        let policy = policy(&nested());
        prop_assert_eq!(policy.verify_quorum(&cosigned_by(who)).is_ok(), x >= 2 && y >= 1);
    }

    #[test]
    fn changed_trust_files_never_panic_and_are_written_as_they_are_read(at in any::<prop::sample::Index>(), to in any::<char>()) {
        let mut text: Vec<char> = nested().chars().collect();
        let at = at.index(text.len());
        text[at] = to;
        let text: String = text.into_iter().collect();
        if let Ok(read) = text.parse::<Policy>() {
            prop_assert_eq!(read.to_string().parse(), Ok(read));
        }
    }
}
