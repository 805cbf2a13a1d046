//! An anchor from the tenant's checkpoint to the system's, and what happens when a link of it is changed.

use proptest::prelude::*;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::clock::SeededEntropy;
use crate::disclosure::NoDataKeys;
use crate::domain::{Cause, EventBody};
use crate::event::{SealContext, seal};
use crate::ids::{Actor, StreamId, TenantId};
use crate::keys::SoftSigner;
use crate::merkle::root_of;
use crate::note::NoteSigner;
use crate::policy::Policy;
use crate::tlog_proof::TlogProof;

const TEXT: &str = "ledger/t1\n5\n2y7/5k02NSvNTCYL3g4RODEMn3e4nUxXV4ZS+bGFtjA=\n";

fn entry(tenant: &str, event_type: &'static str, data: &AnchorData) -> Vec<u8> {
    let serde_json::Value::Object(public) = serde_json::to_value(data).unwrap() else { panic!("an object") };
    let context = SealContext {
        tenant: &TenantId::new(tenant).unwrap(),
        stream: &StreamId::new("anchor-tenants").unwrap(),
        seq: 0,
        prev: None,
        time: "2026-03-01".parse().unwrap(),
        actor: &Actor::system("anchors"),
        command: None,
        cause: Cause::default(),
    };
    let body = EventBody { public, withheld: Vec::new() };
    let signer = SoftSigner::from_seed(&[1; 32]);
    seal(event_type, &body, &context, &signer, &NoDataKeys, &SeededEntropy::new(1)).unwrap().entry()
}

fn system() -> NoteSigner {
    NoteSigner::from_seed("ledger/system", &[2; 32]).unwrap()
}

/// The anchor of [`TEXT`] at slot 1 of 3, in entry 2 of a system log of 4.
fn anchored(entry: Vec<u8>, tree: &AnchorTree) -> AnchorFile {
    let leaves = [leaf_hash(b"0"), leaf_hash(b"1"), leaf_hash(&entry), leaf_hash(b"3")];
    let log: MemoryTree = leaves.into_iter().collect();
    let head = Checkpoint { origin: "ledger/system".into(), size: 4, root: root_of(leaves) };
    let checkpoint = head.sign(&system()).unwrap().to_string();
    let proof = TlogProof { entry, index: 2, path: proof::inclusion(2, 4, &log).unwrap(), checkpoint };
    AnchorFile::new(TEXT, 1, &tree.path(1).unwrap(), &proof)
}

fn tree() -> AnchorTree {
    AnchorTree::new([None, Some(TEXT), Some("another tenant's")])
}

fn sound() -> AnchorFile {
    anchored(entry("system", ANCHORED, &tree().data()), &tree())
}

#[test]
fn a_sound_anchor_leads_from_the_tenants_checkpoint_to_the_systems() {
    let file = AnchorFile::parse(&sound().encode()).unwrap();
    assert_eq!(file, sound());
    let verified = file.verify().unwrap();
    assert_eq!((verified.anchored.origin.as_str(), verified.anchored.size), ("ledger/t1", 5));
    assert_eq!((verified.index, verified.system.size), (2, 4));
    assert_eq!(verified.note.signatures().len(), 1);
    crate::canonical::is_canonical(&sound().encode()).unwrap();
}

#[test]
fn a_slot_without_a_checkpoint_is_the_empty_text() {
    assert_eq!(slot_leaf(None), leaf_hash(b""));
    assert_eq!(
        AnchorTree::of_leaves([slot_leaf(None), slot_leaf(Some(TEXT))]).data(),
        AnchorTree::new([None, Some(TEXT)]).data()
    );
    assert!(tree().path(3).is_err());
}

#[test]
fn every_link_is_held() {
    let refused = |change: &dyn Fn(&mut AnchorFile)| {
        let mut file = sound();
        change(&mut file);
        AnchorFile::parse(&file.encode()).unwrap().verify().unwrap_err()
    };
    assert!(matches!(refused(&|f| f.checkpoint = TEXT.replace("\n5\n", "\n6\n")), AnchorError::Path(_)));
    assert!(matches!(refused(&|f| f.checkpoint = "x".into()), AnchorError::Checkpoint(_)));
    assert!(matches!(refused(&|f| f.slot = 0), AnchorError::Path(_)));
    assert!(matches!(refused(&|f| f.slot = 9), AnchorError::Path(_)));
    assert!(matches!(refused(&|f| drop(f.path.pop())), AnchorError::Path(_)));
    assert!(matches!(refused(&|f| f.path[0] = "AAAA".into()), AnchorError::Malformed(_)));
    assert!(matches!(refused(&|f| f.proof = f.proof.replace("index 2", "index 1")), AnchorError::Proof(_)));
    assert!(matches!(refused(&|f| f.proof.clear()), AnchorError::Proof(_)));
}

#[test]
fn only_an_anchor_of_the_system_log_counts() {
    let of =
        |tenant, event_type, data: &AnchorData| anchored(entry(tenant, event_type, data), &tree()).verify();
    let data = tree().data();
    assert!(of("system", ANCHORED, &data).is_ok());
    assert!(matches!(of("t1", ANCHORED, &data), Err(AnchorError::OtherEvent(_))));
    assert!(matches!(of("system", "ledger.other.v1", &data), Err(AnchorError::OtherEvent(_))));
    let fewer = AnchorData { slots: 1, ..data.clone() };
    assert!(matches!(of("system", ANCHORED, &fewer), Err(AnchorError::Path(_))));
    let no_hash = AnchorData { root: "AAAA".into(), ..data };
    assert!(matches!(of("system", ANCHORED, &no_hash), Err(AnchorError::Malformed(_))));
    let no_entry = anchored(b"not an entry".to_vec(), &tree());
    assert!(matches!(no_entry.verify(), Err(AnchorError::Event(_))));
}

#[test]
fn other_spellings_and_versions_are_refused() {
    let text = String::from_utf8(sound().encode()).unwrap();
    assert_eq!(
        AnchorFile::parse(text.replace("\"v\":1", "\"v\": 1").as_bytes()),
        Err(AnchorError::NotCanonical)
    );
    assert_eq!(
        AnchorFile::parse(text.replace("\"v\":1", "\"v\":2").as_bytes()),
        Err(AnchorError::Version(2))
    );
    for other in [text.replace("\"v\":1", "\"v\":1,\"w\":1"), format!("{text}x"), String::new()] {
        assert!(matches!(AnchorFile::parse(other.as_bytes()), Err(AnchorError::Malformed(_))));
    }
    let long = AnchorFile { path: vec![String::new(); crate::proof::HASHES_MAX + 1], ..sound() };
    assert!(matches!(AnchorFile::parse(&long.encode()), Err(AnchorError::Malformed(_))));
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused_or_read_as_it_stands(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = sound().encode();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(file) = AnchorFile::parse(&bytes) {
            prop_assert_eq!(file.encode(), bytes);
            // What is left to change is the system's checkpoint, which the trust file judges.
            let policy = Policy::of_logs(None, [system().verifier().clone()]);
            if let Ok(verified) = file.verify() {
                prop_assert_eq!(verified.anchored, sound().verify().unwrap().anchored);
                if policy.verify_log(&verified.system, &verified.note).is_ok() {
                    prop_assert_eq!(verified.system, sound().verify().unwrap().system);
                }
            }
        }
    }
}
