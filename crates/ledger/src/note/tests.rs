//! Vectors of formats §8, the rules of signed-note, and what happens to changed notes.

use proptest::prelude::*;

use super::*;

pub(crate) const LOG_SEED: [u8; 32] = seed(0);
pub(crate) const WITNESS_SEED: [u8; 32] = seed(32);
pub(crate) const LOG_VKEY: &str = "ledger.example/log+11639dd4+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
pub(crate) const WITNESS_VKEY: &str =
    "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
pub(crate) const GOLDEN: &str = "ledger.example/log\n3\n2y7/5k02NSvNTCYL3g4RODEMn3e4nUxXV4ZS+bGFtjA=\n\n\
    \u{2014} ledger.example/log EWOd1EgRIppBkQMmFJrGhsX4C3EzIibKfk8p0iOCzqmTA5ItIE82uxiKw2qgrnB90+QGYtIqG2aUflqI+Vm/01o6FQs=\n\
    \u{2014} witness.example/w1 IDJKvgAAAABlU/EAw3xXo53i9XQK0nTeE729Ej1nNVu6EVEVFkVbumlfj4RJ7SVcskzOg0ZsOCt3XffJ4ZpQWMxG2gRN7jedUkCeCQ==\n";

const fn seed(first: u8) -> [u8; 32] {
    let mut seed = [0; 32];
    let mut i = 0;
    while i < 32 {
        seed[i] = first + i as u8;
        i += 1;
    }
    seed
}

fn keys() -> Vec<VerifierKey> {
    vec![LOG_VKEY.parse().unwrap(), WITNESS_VKEY.parse().unwrap()]
}

fn signer(n: u8) -> NoteSigner {
    NoteSigner::from_seed(&format!("signer.example/{n}"), &[n; 32]).unwrap()
}

#[test]
fn the_golden_note_is_read_verified_and_written() {
    let note = Note::parse(GOLDEN.as_bytes()).unwrap();
    let keys = keys();
    assert_eq!(note.verify(&keys).unwrap(), [&keys[0], &keys[1]]);
    assert_eq!(note.to_string(), GOLDEN);
}

#[test]
fn the_golden_signature_is_made() {
    let golden = Note::parse(GOLDEN.as_bytes()).unwrap();
    let signer = NoteSigner::from_seed("ledger.example/log", &LOG_SEED).unwrap();
    assert_eq!(signer.verifier().to_string(), LOG_VKEY);
    let mut note = Note::new(golden.text()).unwrap();
    note.sign(&signer);
    note.sign(&signer);
    assert_eq!(note.signatures(), &golden.signatures()[..1]);
}

#[test]
fn unknown_keys_are_ignored_and_known_ones_must_fit() {
    let (log, witness) = (&keys()[..1], &keys()[1..]);
    let note = Note::parse(GOLDEN.as_bytes()).unwrap();
    assert_eq!(note.verify(log).unwrap(), [&log[0]]);
    let stranger = [signer(9).verifier().clone()];
    assert!(
        matches!(note.verify(&stranger), Err(NoteRefused::NoKnownKey(names)) if names.contains("+11639dd4"))
    );
    let spoiled = GOLDEN.replace("CeCQ==", "CeCA==");
    let spoiled = Note::parse(spoiled.as_bytes()).unwrap();
    assert_eq!(spoiled.verify(log).unwrap(), [&log[0]]);
    assert_eq!(spoiled.verify(witness), Err(NoteRefused::Invalid("witness.example/w1".into())));
    assert_eq!(spoiled.verify(&keys()), Err(NoteRefused::Invalid("witness.example/w1".into())));
}

#[test]
fn a_second_wrong_signature_of_a_known_key_is_not_hidden_by_the_first() {
    let mut lines: Vec<&str> = GOLDEN.split_inclusive('\n').collect();
    let wrong = format!(
        "\u{2014} ledger.example/log {}\n",
        b64::encode([&[0x11, 0x63, 0x9d, 0xd4][..], &[0; 64]].concat())
    );
    lines.push(&wrong);
    let note = Note::parse(lines.concat().as_bytes()).unwrap();
    assert_eq!(note.verify(&keys()), Err(NoteRefused::Invalid("ledger.example/log".into())));
}

#[test]
fn at_least_sixteen_signatures_are_accepted() {
    let mut note = Note::new("text\n").unwrap();
    let signers: Vec<NoteSigner> = (0..SIGNATURES_MAX as u8).map(signer).collect();
    signers.iter().for_each(|signer| note.sign(signer));
    let keys: Vec<VerifierKey> = signers.iter().map(|s| s.verifier().clone()).collect();
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read.verify(&keys).unwrap().len(), SIGNATURES_MAX);
    note.sign(&signer(200));
    assert_eq!(Note::parse(note.to_string().as_bytes()), Err(NoteError::TooMany));
}

#[test]
fn a_text_may_have_empty_lines() {
    let mut note = Note::new("a\n\n\nb\n").unwrap();
    note.sign(&signer(1));
    assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
}

#[test]
fn malformed_notes_are_refused() {
    let line = "\u{2014} ledger.example/log AAAAAAA=\n";
    let with = |text: &str| Note::parse(text.as_bytes()).unwrap_err();
    assert!(Note::parse(format!("t\n\n{line}").as_bytes()).is_ok());
    assert_eq!(with(""), NoteError::NoSignatures);
    assert_eq!(with("t\n"), NoteError::NoSignatures);
    assert_eq!(with("t\n\n"), NoteError::NoSignatures);
    assert_eq!(with(&format!("t\r\n\n{line}")), NoteError::Control(1));
    assert_eq!(with(&format!("t\u{7f}\n\n{line}")), NoteError::Control(1));
    assert_eq!(with(&format!("t\n\n{line}x")), NoteError::Line(2));
    assert_eq!(with(&format!("t\n\n{}", line.trim_end())), NoteError::Line(1));
    for line in [
        "- ledger.example/log AAAAAAA=\n",
        "\u{2014}  AAAAAAA=\n",
        "\u{2014} a b AAAAAAA=\n",
        "\u{2014} a+b AAAAAAA=\n",
        "\u{2014} a AAAAAA==\n",
        "\u{2014} a AAAAAAB=\n",
        "\u{2014} a AAAAAAA\n",
        "\u{2014} a\n",
        "\u{2014}a AAAAAAA=\n",
        "\u{2014} a\u{2003}b AAAAAAA=\n",
    ] {
        assert_eq!(with(&format!("t\n\n{line}")), NoteError::Line(1), "{line:?}");
    }
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::NotUtf8));
    assert_eq!(Note::parse(&vec![b'a'; NOTE_BYTES_MAX + 1]), Err(NoteError::TooLong(NOTE_BYTES_MAX + 1)));
    assert_eq!(Note::new("no newline"), Err(NoteError::NoSignatures));
    assert_eq!(Note::new("tab\t\n"), Err(NoteError::Control(3)));
}

#[test]
fn malformed_keys_are_refused() {
    let key = |text: &str| text.parse::<VerifierKey>().unwrap_err();
    assert_eq!(key(""), KeyError::Malformed);
    assert_eq!(key("name+11639dd4"), KeyError::Malformed);
    assert_eq!(key(&LOG_VKEY.replace("11639dd4", "11639dd5")), KeyError::KeyId);
    assert_eq!(key(&LOG_VKEY.replace("11639dd4", "11639DD4")), KeyError::KeyId);
    assert_eq!(key(&LOG_VKEY.replace("/log", "/log2")), KeyError::KeyId);
    assert_eq!(key(&LOG_VKEY.replace("/log", " log")), KeyError::Name);
    assert_eq!(key(&LOG_VKEY.replace("AQOh", "AgOh")), KeyError::Kind(2));
    assert_eq!(key(&LOG_VKEY[..LOG_VKEY.len() - 4]), KeyError::Malformed);
    let identity = VerifierKey::new("n", KeyKind::Ed25519, {
        let mut k = [0; 32];
        k[0] = 1;
        k
    });
    assert!(matches!(identity, Err(KeyError::PublicKey(_))));
    assert!(!is_key_name("") && !is_key_name("a b") && !is_key_name("a+b") && !is_key_name("a\u{a0}b"));
}

#[test]
fn a_cosignature_is_no_log_signature_and_the_other_way_round() {
    let note = Note::parse(GOLDEN.as_bytes()).unwrap();
    let [log, witness] = keys().try_into().unwrap();
    assert!(!log.verify(note.text(), &note.signatures()[1].signature));
    assert!(!witness.verify(note.text(), &note.signatures()[0].signature));
    assert!(witness.verify(note.text(), &note.signatures()[1].signature));
}

proptest! {
    #[test]
    fn every_changed_byte_is_noticed(at in 0..GOLDEN.len(), to in any::<u8>()) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
            // A changed name or key id makes a signature one of an unknown key: then a signature is missing.
            prop_assert!(note.verify(&keys()).map_or(true, |verified| verified.len() < 2));
        }
    }

    #[test]
    fn any_text_without_control_characters_is_signed(text in "[^\\p{Cc}]{0,50}(\n[^\\p{Cc}]{0,20}){0,3}\n") {
        let mut note = Note::new(text).unwrap();
        note.sign(&signer(3));
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        prop_assert!(read.verify(&[signer(3).verifier().clone()]).is_ok());
        prop_assert_eq!(read, note);
    }
}
