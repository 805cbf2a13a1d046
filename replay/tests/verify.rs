//! Verification of whole exports: sound ones pass, and every change of one is refused with its place named.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ledger::bundle::{BLOBS, CHECKPOINT, MANIFEST, MemorySink};
use ledger::cosignature::Cosigner;
use ledger::policy::Policy;
use ledger_replay::{NoProgress, Options, Report, verify};
use serde_json::json;
use sha2::{Digest, Sha256};
use support::{Log, Maker, anchor};

struct Export {
    files: BTreeMap<String, Vec<u8>>,
    policy: String,
}

fn witness() -> Cosigner {
    Cosigner::from_seed("witness.example/w1", &[77; 32]).unwrap()
}

/// A log with everything in it: a rotated key, disclosures, a redaction, a blob, a witnessed anchor.
fn sample(events: u64) -> (Maker, Log, Maker, Log) {
    let mut maker = Maker::new("t1", 1);
    let blob = b"evidence body".to_vec();
    let digest = Sha256::digest(&blob).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut log = Log { blobs: vec![blob], ..Log::default() };
    log.made.push(maker.genesis());
    for n in 1..events {
        if n == events / 2 {
            log.made.push(maker.rotate(9));
        }
        let title = Maker::withheld("title", json!(format!("title {n}")));
        let summary = Maker::withheld("summary", json!("left out"));
        let blobs = Maker::withheld("blobs", json!([{"id": "b", "sha256": digest, "size": 13}]));
        log.made.push(maker.evidence(n, 3, vec![title, summary, blobs]));
    }
    let mut system = Maker::new("system", 2);
    let mut system_log = Log::default();
    system_log.made.push(system.genesis());
    let anchored = anchor(&mut system, &mut system_log, &maker.head(&log.tree()), &witness());
    log.anchors.push(anchored);
    (maker, log, system, system_log)
}

fn export(events: u64) -> Export {
    let (maker, log, system, _) = sample(events);
    let mut policy = maker.policy().to_string();
    policy = policy.replace(
        "quorum none\n",
        &format!(
            "log {}\nwitness w1 {}\nquorum w1\n",
            system.checkpoint_key.verifier(),
            witness().verifier()
        ),
    );
    let parsed: Policy = policy.parse().unwrap();
    let checkpoint = maker.head(&log.tree()).sign(&maker.checkpoint_key).unwrap().to_string();
    let redacted = |text: &str| {
        let json = ledger::b64::decode_url(text).unwrap();
        !String::from_utf8(json).unwrap().contains("left out")
    };
    let (MemorySink(files), _) = log.export(&maker, MemorySink::default(), &parsed, &checkpoint, redacted);
    Export { files, policy }
}

fn write(directory: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn run(directory: &Path, change: impl FnOnce(&mut Options)) -> Report {
    let mut options = Options { bundle: directory.to_owned(), threads: Some(2), ..Options::default() };
    change(&mut options);
    verify(&options, &NoProgress).unwrap()
}

/// Writes the export with a change made to it, and verifies that.
fn changed(export: &Export, change: impl FnOnce(&Path)) -> Report {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &export.files);
    change(directory.path());
    run(directory.path(), |_| ())
}

fn names(report: &Report, what: &str) -> bool {
    report.failures.iter().any(|failure| failure.to_string().contains(what))
}

#[test]
fn a_sound_export_passes_and_everything_in_it_was_looked_at() {
    let export = export(600);
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &export.files);
    let trust = directory.path().with_extension("policy");
    fs::write(&trust, &export.policy).unwrap();
    for strict in [false, true] {
        let report = run(directory.path(), |options| {
            options.policy = Some(trust.clone());
            options.strict = strict;
        });
        assert_eq!(report.failures, []);
        assert!(report.ok && report.trust.pinned && report.trust.genesis_pinned);
        let counts = &report.counts;
        assert_eq!((counts.entries, counts.signatures, counts.streams), (601, 601, 4));
        assert_eq!((counts.members, counts.disclosed, counts.redacted), (3 * 599, 2 * 599, 599));
        assert_eq!((counts.blobs, counts.anchors, counts.unknown_types), (1, 1, 0));
        assert_eq!(counts.files, export.files.len() as u64 - 1);
        assert_eq!((report.trust.anchored_size, report.trust.witnessed_size), (601, 601));
        assert_eq!(report.trust.witnesses, ["w1"]);
        assert_eq!(report.notes, Vec::<String>::new());
    }
    let own = run(directory.path(), |_| ());
    assert!(own.ok && !own.trust.pinned);
    fs::remove_file(trust).unwrap();
}

#[test]
fn every_byte_counts() {
    let export = export(5);
    for (path, bytes) in &export.files {
        // Strides keep the run short and are coprime to 8, so that every bit of a byte is tried in every file.
        // `examples/flip_every_byte.rs` leaves no byte out.
        let stride = if bytes.len() > 400 { 61 } else { 5 };
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &export.files);
        for at in (0..bytes.len()).step_by(stride) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(directory.path().join(path), &flipped).unwrap();
            let report = run(directory.path(), |_| ());
            assert!(!report.ok, "byte {at} of {path}");
            assert!(names(&report, path), "byte {at} of {path}: {:?}", report.failures);
        }
        fs::write(directory.path().join(path), bytes).unwrap();
        assert!(run(directory.path(), |_| ()).ok, "control: {path} put back");
    }
}

#[test]
fn every_file_counts() {
    let export = export(300);
    assert!(changed(&export, |_| ()).ok);
    for path in export.files.keys() {
        let report = changed(&export, |directory| fs::remove_file(directory.join(path)).unwrap());
        assert!(!report.ok && names(&report, path), "{path} removed: {:?}", report.failures);
        let report = changed(&export, |directory| fs::write(directory.join(path), b"").unwrap());
        let empty = export.files[path].is_empty();
        assert!(empty || (!report.ok && names(&report, path)), "{path} emptied: {:?}", report.failures);
        let report = changed(&export, |directory| {
            fs::rename(directory.join(path), directory.join("moved")).unwrap();
            std::os::unix::fs::symlink("moved", directory.join(path)).unwrap();
        });
        assert!(!report.ok && names(&report, "a link") && names(&report, path), "{path} linked");
    }
    for added in ["extra", "tile/0/002", "blobs/x", "anchors/9.json", ".hidden"] {
        let report = changed(&export, |directory| {
            let path = directory.join(added);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        });
        assert!(!report.ok && names(&report, added), "{added} added: {:?}", report.failures);
    }
}

#[test]
fn a_wrong_trust_file_is_refused() {
    let export = export(10);
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &export.files);
    let other = Maker::new("t1", 50);
    let genesis = "# genesis AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let pinned_wrongly = format!("{genesis}{}", export.policy.split_once('\n').unwrap().1);
    let hopeless = export.policy.replace(
        &witness().verifier().to_string(),
        &Cosigner::from_seed("w", &[3; 32]).unwrap().verifier().to_string(),
    );
    for (policy, expected) in [
        (other.policy().to_string(), "no signature of a known key"),
        (Policy::of_logs(None, []).to_string(), "does not know the log"),
        (pinned_wrongly, "pins the genesis"),
        (hopeless, "quorum \"w1\" is not reached"),
    ] {
        let path = directory.path().with_extension("policy");
        fs::write(&path, policy).unwrap();
        let report = run(directory.path(), |options| options.policy = Some(path.clone()));
        fs::remove_file(&path).unwrap();
        assert!(!report.ok && names(&report, expected), "{expected}: {:?}", report.failures);
    }
}

#[test]
fn an_older_checkpoint_shows_truncation_rewriting_and_forks() {
    let (maker, mut log, ..) = sample(20);
    log.anchors.clear();
    let head = |log: &Log| maker.head(&log.tree()).sign(&maker.checkpoint_key).unwrap().to_string();
    let full = head(&log);
    let directory = tempfile::tempdir().unwrap();
    let (MemorySink(files), _) = log.export(&maker, MemorySink::default(), &maker.policy(), &full, |_| true);
    write(directory.path(), &files);
    let held = tempfile::NamedTempFile::new().unwrap();
    let since = |text: &str| {
        fs::write(held.path(), text).unwrap();
        run(directory.path(), |options| options.since = Some(held.path().to_owned()))
    };

    let mut shorter = sample(20).1;
    shorter.made.truncate(7);
    for honest in [&full, &head(&shorter)] {
        let report = since(honest);
        assert!(report.ok && report.since.unwrap().consistent, "{:?}", report.failures);
    }
    let mut longer = sample(20).1;
    longer.made.push(Maker::new("t1", 8).genesis());
    let report = since(&head(&longer));
    assert!(!report.ok && names(&report, "TRUNCATED"));
    let mut forked = sample(20).1;
    forked.made.truncate(6);
    forked.made.push(Maker::new("t1", 8).genesis());
    let report = since(&head(&forked));
    assert!(!report.ok && names(&report, "REWRITTEN OR FORKED") && !report.since.unwrap().consistent);
    let unsigned = full.replace(&full[full.len() - 20..full.len() - 4], "AAAAAAAAAAAAAAAA");
    assert!(names(&since(&unsigned), "not signed by a key"));
    let other = Maker::new("t2", 1);
    let stranger = other.head(&log.tree()).sign(&other.checkpoint_key).unwrap().to_string();
    assert!(names(&since(&stranger), "is of \"local-0badcafe/t2\""));
}

/// What an operator with all keys could write: the manifest and the checkpoint are sound, the history is not.
#[test]
fn a_history_that_was_signed_again_is_refused_by_index_and_stream() {
    let rewritten = |change: &dyn Fn(&mut Log, &mut Maker)| {
        let (mut maker, mut log, ..) = sample(30);
        log.anchors.clear();
        change(&mut log, &mut maker);
        let checkpoint = maker.head(&log.tree()).sign(&maker.checkpoint_key).unwrap().to_string();
        let policy = maker.policy();
        log.blobs.clear();
        let (MemorySink(files), _) =
            log.export(&maker, MemorySink::default(), &policy, &checkpoint, |_| false);
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &files);
        run(directory.path(), |_| ())
    };
    assert!(rewritten(&|_, _| ()).ok, "control");

    let dropped = rewritten(&|log, _| drop(log.made.remove(5)));
    assert!(names(&dropped, "index 7") && names(&dropped, "seq is"), "{:?}", dropped.failures);
    let swapped = rewritten(&|log, _| log.made.swap(5, 8));
    assert!(names(&swapped, "index 5") && names(&swapped, "seq is 2, expected 1"), "{:?}", swapped.failures);
    let forged = rewritten(&|log, _| log.made[6].event.signature[40] ^= 1);
    assert_eq!(forged.failures_total, 1);
    assert!(names(&forged, "index 6") && names(&forged, "evidence-"), "{:?}", forged.failures);
    let strange = rewritten(&|log, _| log.made.push(Maker::new("t1", 66).evidence(9, 1, Vec::new())));
    assert!(names(&strange, "active is"), "{:?}", strange.failures);
    let headless = rewritten(&|log, _| drop(log.made.remove(0)));
    assert!(names(&headless, "index 0") && names(&headless, "genesis"), "{:?}", headless.failures);
    let foreign = rewritten(&|log, _| log.made.push(Maker::new("t9", 1).genesis()));
    assert!(names(&foreign, "tenant t9"), "{:?}", foreign.failures);
}

#[test]
fn a_call_that_makes_no_sense_is_an_error_of_usage() {
    let export = export(3);
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &export.files);
    let call = |change: &dyn Fn(&mut Options)| {
        let mut options = Options { bundle: directory.path().to_owned(), ..Options::default() };
        change(&mut options);
        verify(&options, &NoProgress).unwrap_err().to_string()
    };
    assert!(call(&|o| o.bundle = "/nowhere".into()).contains("/nowhere"));
    assert!(call(&|o| o.bundle = directory.path().join(CHECKPOINT)).contains(CHECKPOINT));
    assert!(call(&|o| o.policy = Some(directory.path().join(MANIFEST))).contains("trust file"));
    assert!(call(&|o| o.since = Some(directory.path().join(MANIFEST))).contains("checkpoint"));
    assert!(call(&|o| o.since = Some("/nowhere".into())).contains("/nowhere"));
    let blob = export.files.keys().find(|path| path.starts_with(BLOBS)).unwrap();
    assert!(!changed(&export, |d| fs::write(d.join(blob), b"evidence bodY").unwrap()).ok);
}
