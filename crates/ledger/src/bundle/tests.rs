//! What a writer writes: the tiles of the log, the lists and their digests.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::checkpoint::Checkpoint;
use crate::ids::TenantId;
use crate::manifest::{Manifest, ManifestError};
use crate::merkle::{leaf_hash, root_of};
use crate::note::NoteSigner;
use crate::policy::Policy;
use crate::tile::{EntriesId, decode_entries, tiles_between};

fn signer() -> NoteSigner {
    NoteSigner::from_seed("ledger/t", &[4; 32]).unwrap()
}

fn entry(n: u64) -> Vec<u8> {
    format!("entry-{n}").into_bytes()
}

fn meta() -> BundleMeta {
    BundleMeta {
        tenant: TenantId::new("t").unwrap(),
        time: "2026-03-01".parse().unwrap(),
        purpose: "test".into(),
        redactions: vec![],
    }
}

fn head(size: u64) -> String {
    let root = root_of((0..size).map(|n| leaf_hash(&entry(n))));
    Checkpoint { origin: "ledger/t".into(), size, root }.sign(&signer()).unwrap().to_string()
}

fn policy() -> Policy {
    Policy::of_logs(None, [signer().verifier().clone()])
}

fn writer(size: u64) -> BundleWriter<MemorySink> {
    let mut writer = BundleWriter::new(MemorySink::default());
    (0..size).for_each(|n| writer.entry(&entry(n)).unwrap());
    writer
}

#[test]
fn the_files_are_those_of_a_tiled_log_and_all_are_listed() {
    for size in [0, 1, 255, 256, 257, 66_000] {
        let mut writer = writer(size);
        if size > 0 {
            let line = DisclosedLine { disclosure: "WyJ4Il0".into(), index: size - 1 };
            writer.disclosure(&line).unwrap();
            writer.blob(b"blob").unwrap();
            writer.blob(b"blob").unwrap();
        }
        let (MemorySink(files), summary) = writer.finish(&head(size), &policy(), meta(), &signer()).unwrap();
        let manifest = Manifest::open(&files[MANIFEST], signer().verifier()).unwrap();
        assert_eq!(summary.files, files.len());
        assert_eq!((summary.entries, summary.bytes), (size, files.values().map(|f| f.len() as u64).sum()));
        let listed: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
        let present: Vec<&str> = files.keys().map(String::as_str).filter(|path| *path != MANIFEST).collect();
        assert_eq!(listed, present);
        for file in &manifest.files {
            let bytes = &files[&file.path];
            assert_eq!(
                (file.size, file.sha256),
                (bytes.len() as u64, Sha256::digest(bytes).into()),
                "{}",
                file.path
            );
        }
        let hash_tiles =
            files.keys().filter(|p| p.starts_with("tile/") && !p.starts_with("tile/entries")).count();
        assert_eq!(hash_tiles, tiles_between(0, size).count());
        for id in tiles_between(0, size) {
            assert_eq!(files[&id.path()].len(), id.bytes(), "{id}");
        }
        for id in EntriesId::all(size) {
            let entries = decode_entries(&files[&id.path()], id.width).unwrap();
            assert_eq!(entries[0], entry(id.index * 256));
        }
    }
}

#[test]
fn entries_that_are_not_those_of_the_checkpoint_are_not_exported() {
    let error = writer(3).finish(&head(4), &policy(), meta(), &signer()).unwrap_err();
    assert!(matches!(error, BundleError::Root { entries: 3, size: 4 }));
    let mut other = writer(2);
    other.entry(b"other").unwrap();
    let error = other.finish(&head(3), &policy(), meta(), &signer()).unwrap_err();
    assert!(matches!(error, BundleError::Root { .. }));
    let stranger = NoteSigner::from_seed("ledger/t", &[5; 32]).unwrap();
    assert!(matches!(
        writer(3).finish(&head(3), &policy(), meta(), &stranger),
        Err(BundleError::Checkpoint(_))
    ));
}

#[test]
fn the_order_of_calls_is_kept() {
    let line = |index| DisclosedLine { disclosure: "x".into(), index };
    let mut writer = writer(3);
    assert!(matches!(writer.disclosure(&line(3)), Err(BundleError::DisclosureOrder(3))));
    writer.disclosure(&line(1)).unwrap();
    writer.disclosure(&line(1)).unwrap();
    assert!(matches!(writer.disclosure(&line(0)), Err(BundleError::DisclosureOrder(0))));
    assert!(matches!(writer.entry(b"late"), Err(BundleError::Order(_))));
}

#[test]
fn a_sink_that_fails_names_the_file() {
    struct Full;
    impl BundleSink for Full {
        type Error = &'static str;
        fn append(&mut self, _: &str, _: &[u8]) -> Result<(), &'static str> {
            Err("no space left")
        }
    }
    let mut writer = BundleWriter::new(Full);
    writer.entry(b"one").unwrap();
    let error = writer.blob(b"blob").unwrap_err();
    assert!(error.to_string().starts_with("blobs/"), "{error}");
    assert!(error.to_string().ends_with("no space left"), "{error}");
}

#[test]
fn digests_are_lower_case_hex() {
    let digest: [u8; 32] = Sha256::digest(b"x").into();
    assert_eq!(blob_digest(&blob_path(&digest)), Some(digest));
    assert_eq!(blob_digest(&blob_path(&digest).to_uppercase()), None);
    for path in ["blobs/", "blobs/ab", "blobs/../x"] {
        assert_eq!(blob_digest(path), None);
    }
    assert!(matches!(Manifest::open(b"{}", signer().verifier()), Err(ManifestError::Envelope(_))));
}

proptest! {
    #[test]
    fn a_line_is_read_back_and_its_changes_are_read_as_written(
        disclosure in "[A-Za-z0-9_-]{0,40}", index in 0_u64..1 << 53, at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        let line = DisclosedLine { disclosure, index };
        let mut bytes = line.encode();
        prop_assert_eq!(bytes.pop(), Some(b'\n'));
        prop_assert_eq!(&DisclosedLine::parse(&bytes).unwrap(), &line);
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(read) = DisclosedLine::parse(&bytes) {
            bytes.push(b'\n');
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}
