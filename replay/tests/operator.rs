//! What an operator with all keys could export: signed throughout, and yet not what the log commits to.

#[expect(dead_code, reason = "the tests of verification use the rest")]
mod support;

use std::path::Path;

use ledger::bundle::{BundleSink, BundleWriter, DisclosedLine, MemorySink};
use ledger::cosignature::Cosigner;
use ledger::disclosure::Disclosure;
use ledger::domain::EventBody;
use ledger::ids::StreamId;
use ledger::policy::Policy;
use ledger_replay::{DirectorySink, NoProgress, Options, Report, verify};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{Log, Maker, anchor};

fn log() -> (Maker, Log) {
    let mut maker = Maker::new("t1", 1);
    let mut log = Log::default();
    log.made.push(maker.genesis());
    for n in 1..6 {
        let title = Maker::withheld("title", json!(format!("title {n}")));
        log.made.push(maker.evidence(n, 9, vec![title]));
    }
    (maker, log)
}

/// Exports a log with these disclosures, whatever they are, and verifies that.
fn export(maker: &Maker, log: &Log, lines: &[DisclosedLine], blobs: &[&[u8]]) -> Report {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::new(DirectorySink::create(directory.path()).unwrap());
    log.made.iter().for_each(|made| writer.entry(&made.event.entry()).unwrap());
    lines.iter().for_each(|line| writer.disclosure(line).unwrap());
    for blob in blobs {
        writer.blob(blob).unwrap();
    }
    log.anchors.iter().for_each(|(index, anchor)| writer.anchor(*index, anchor).unwrap());
    let checkpoint = maker.head(&log.tree()).sign(&maker.checkpoint_key).unwrap().to_string();
    writer.finish(&checkpoint, &maker.policy(), maker.meta(), &maker.checkpoint_key).unwrap();
    run(directory.path(), None)
}

fn run(directory: &Path, policy: Option<&Path>) -> Report {
    let policy = policy.map(Path::to_owned);
    verify(&Options { bundle: directory.to_owned(), policy, ..Options::default() }, &NoProgress).unwrap()
}

fn lines(log: &Log) -> Vec<DisclosedLine> {
    let line = |(index, made): (u64, &support::Made)| {
        made.disclosures
            .iter()
            .map(move |text| DisclosedLine { disclosure: text.clone(), index })
            .collect::<Vec<_>>()
    };
    (0..).zip(&log.made).flat_map(line).collect()
}

fn refused(report: &Report, what: &str) {
    assert!(!report.ok);
    assert!(report.failures.iter().any(|f| f.to_string().contains(what)), "{what}: {:?}", report.failures);
}

#[test]
fn a_disclosure_must_be_one_that_the_header_commits_to() {
    let (maker, log) = log();
    let sound = lines(&log);
    assert!(export(&maker, &log, &sound, &[]).ok, "control");
    assert!(export(&maker, &log, &sound[1..3], &[]).ok, "a redacted export");

    let forged = Disclosure { name: "title".into(), salt: [0; 16], value: json!("nicer") };
    let forged = ledger::b64::encode_url(forged.to_json().unwrap());
    let line = DisclosedLine { disclosure: forged, index: 2 };
    refused(&export(&maker, &log, &[line], &[]), "index 2");
    let moved = DisclosedLine { index: 3, ..sound[0].clone() };
    refused(&export(&maker, &log, &[moved], &[]), "no such digest");
    let twice = [sound[0].clone(), sound[0].clone()];
    refused(&export(&maker, &log, &twice, &[]), "disclosed twice");
}

#[test]
fn a_blob_must_be_one_that_a_disclosed_member_refers_to() {
    let (mut maker, mut log) = log();
    let digest: String = Sha256::digest(b"body").iter().map(|byte| format!("{byte:02x}")).collect();
    let blobs = Maker::withheld("blobs", json!([{"sha256": digest}]));
    log.made.push(maker.evidence(9, 99, vec![blobs]));
    assert!(export(&maker, &log, &lines(&log), &[b"body"]).ok, "control");
    refused(&export(&maker, &log, &lines(&log), &[b"body", b"smuggled"]), "no disclosed member refers");
    let without = export(&maker, &log, &lines(&log), &[]);
    assert!(without.ok && without.notes[0].contains("1 blobs"), "{:?}", without.notes);
}

#[test]
fn what_is_erased_is_counted_and_must_not_be_disclosed() {
    let (mut maker, mut log) = log();
    let text = &log.made[2].disclosures[0];
    let digest = ledger::b64::encode_url(Sha256::digest(text));
    let Value::Object(public) = json!({"digests": [digest]}) else { panic!("an object") };
    let stream = StreamId::new("subject-s1").unwrap();
    log.made.push(maker.event(
        &stream,
        "ledger.subject.erased.v1",
        &EventBody { public, withheld: Vec::new() },
    ));
    let all = lines(&log);
    let kept: Vec<_> = all.iter().filter(|line| line.index != 2).cloned().collect();
    let report = export(&maker, &log, &kept, &[]);
    assert!(report.ok, "{:?}", report.failures);
    assert_eq!(
        (report.counts.members, report.counts.disclosed, report.counts.erased, report.counts.redacted),
        (5, 4, 1, 0)
    );
    assert_eq!((report.erasures[0].index, report.erasures[0].members), (6, 1));
    refused(&export(&maker, &log, &all, &[]), "entry 6 says is erased");
}

#[test]
fn data_that_does_not_fit_its_type_is_refused_and_unknown_types_are_counted() {
    let (mut maker, mut log) = log();
    let body = |data: Value| {
        let Value::Object(public) = data else { panic!("an object") };
        EventBody { public, withheld: Vec::new() }
    };
    let stream = StreamId::new("partner-1").unwrap();
    log.made.push(maker.event(&stream, "partner.something.happened.v1", &body(json!({"x": 1}))));
    let report = export(&maker, &log, &[], &[]);
    assert!(report.ok && report.counts.unknown_types == 1, "{:?}", report.failures);

    let stream = StreamId::new("evidence-01900000-0000-7000-8000-0000000000ff").unwrap();
    let mut data = support::evidence_data(1);
    data.insert("summary".into(), json!("public by mistake"));
    log.made.push(maker.event(&stream, support::SUBMITTED, &body(Value::Object(data))));
    refused(
        &export(&maker, &log, &[], &[]),
        "index 7, stream evidence-01900000-0000-7000-8000-0000000000ff, seq 0",
    );
}

#[test]
fn an_anchor_of_another_history_shows_the_fork() {
    let (maker, mut log) = log();
    let witness = Cosigner::from_seed("w", &[7; 32]).unwrap();
    let (mut system, mut system_log) = (Maker::new("system", 2), Log::default());
    system_log.made.push(system.genesis());
    let mut other = self::log();
    other.1.made.pop();
    other.1.made.push(other.0.evidence(77, 99, Vec::new()));
    let forked = anchor(&mut system, &mut system_log, &other.0.head(&other.1.tree()), &witness);
    log.anchors.push(forked);
    refused(&export(&maker, &log, &[], &[]), "REWRITTEN OR FORKED");

    other.1.made.push(other.0.evidence(78, 99, Vec::new()));
    log.anchors = vec![anchor(&mut system, &mut system_log, &other.0.head(&other.1.tree()), &witness)];
    refused(&export(&maker, &log, &[], &[]), "TRUNCATED");
    log.anchors = vec![anchor(&mut system, &mut system_log, &maker.head(&log.tree()), &witness)];
    let report = export(&maker, &log, &[], &[]);
    assert!(report.ok && report.counts.anchors == 1 && report.trust.anchored_size == 0);
    assert!(report.notes[0].contains("has no key of"), "{:?}", report.notes);
    let (index, file) = log.anchors[0].clone();
    log.anchors = vec![(index + 1, file)];
    refused(&export(&maker, &log, &[], &[]), "anchors/");
}

#[test]
fn an_empty_log_is_verified_too() {
    let maker = Maker::new("t1", 1);
    let report = export(&maker, &Log::default(), &[], &[]);
    assert!(report.ok, "{:?}", report.failures);
    assert_eq!(report.size, 0);
}

#[test]
fn a_sink_in_memory_and_one_on_disk_get_the_same_files() {
    let (maker, log) = log();
    let checkpoint = maker.head(&log.tree()).sign(&maker.checkpoint_key).unwrap().to_string();
    let policy: Policy = maker.policy();
    let (MemorySink(files), _) = log.export(&maker, MemorySink::default(), &policy, &checkpoint, |_| true);
    let directory = tempfile::tempdir().unwrap();
    let sink = DirectorySink::create(directory.path()).unwrap();
    log.export(&maker, sink, &policy, &checkpoint, |_| true).0.close().unwrap();
    for (path, bytes) in &files {
        assert_eq!(&std::fs::read(directory.path().join(path)).unwrap(), bytes, "{path}");
    }
    assert!(DirectorySink::create(directory.path()).is_err(), "a directory that is not empty");
    let mut again = DirectorySink::create(&directory.path().join("new")).unwrap();
    again.append("a", b"1").unwrap();
    again.append("b", b"2").unwrap();
    assert!(again.append("a", b"3").is_err(), "a file is never taken up again");
}
