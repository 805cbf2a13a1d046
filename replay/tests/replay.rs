//! Rebuild, as-of and diff on a small history, and the exit codes of the program.

#[expect(dead_code, reason = "the tests of verification use the rest")]
mod support;

use std::path::Path;
use std::process::{Command, Output};

use ledger::domain::EventBody;
use ledger::ids::StreamId;
use ledger::time::Timestamp;
use ledger_replay::{DirectorySink, LogDiff, NoProgress, ReplayError, as_of, diff, rebuild};
use serde_json::{Value, json};
use support::{Log, Maker};

/// Evidence that AC-6 passes, weighed; some time later evidence that it fails.
fn history(results: &[&str]) -> (Maker, Log, Vec<Timestamp>) {
    let mut maker = Maker::new("t1", 1);
    let mut log = Log::default();
    let mut times = Vec::new();
    log.made.push(maker.genesis());
    for (n, result) in (1_u64..).zip(results) {
        let title = Maker::withheld("title", json!(format!("run {n}: {result}")));
        let made = maker.evidence(n, u64::MAX, vec![title]);
        let evidence = made.event.stream.id().to_owned();
        log.made.push(made);
        let before = if n == 1 { "unknown" } else { results[n as usize - 2] };
        for (event_type, data) in [
            ("ledger.control.assessed.v1", assessed(&evidence, result, maker.now())),
            ("ledger.control.status_changed.v1", json!({"from": before, "to": result, "evidence": evidence})),
        ] {
            let Value::Object(public) = data else { panic!("an object") };
            let stream = StreamId::new("control-nist-800-53.ac-6").unwrap();
            log.made.push(maker.event(&stream, event_type, &EventBody { public, withheld: Vec::new() }));
        }
        times.push(maker.now());
    }
    (maker, log, times)
}

fn assessed(evidence: &str, result: &str, at: Timestamp) -> Value {
    let stale_after = at.plus(std::time::Duration::from_secs(3600)).to_string();
    let failing = u32::from(result == "fail");
    json!({
        "status": result, "sources": 1, "failing": failing, "stale_after": stale_after,
        "applied": [{
            "evidence": evidence, "source": "probe-p1", "check": "linux-host/sshd", "target_ref": "host-1",
            "result": result, "observed_to": at.to_string(), "stale_after": stale_after,
        }],
    })
}

fn export(directory: &Path, maker: &Maker, log: &Log) {
    let checkpoint = maker.head(&log.tree()).sign(&maker.checkpoint_key).unwrap().to_string();
    let sink = DirectorySink::create(directory).unwrap();
    let (sink, summary) = log.export(maker, sink, &maker.policy(), &checkpoint, |_| true);
    sink.close().unwrap();
    assert_eq!(summary.entries, log.made.len() as u64);
}

fn exported(results: &[&str]) -> (tempfile::TempDir, Vec<Timestamp>) {
    let directory = tempfile::tempdir().unwrap();
    let (maker, log, times) = history(results);
    export(directory.path(), &maker, &log);
    (directory, times)
}

#[test]
fn the_status_of_a_control_is_told_for_any_time_with_its_evidence() {
    let (directory, times) = exported(&["pass", "fail"]);
    let at = |time, control| as_of(directory.path(), time, control, &NoProgress);

    let first = at(times[0], Some("AC-6")).unwrap();
    assert_eq!((first.entries, first.size), (4, 7));
    let control = &first.controls[0];
    assert_eq!((control.framework.as_str(), control.status.as_str()), ("nist-800-53", "pass"));
    let evidence = &control.evidence[0];
    assert_eq!((evidence.index, evidence.result.as_str(), evidence.stale), (Some(1), "pass", false));
    assert_eq!(evidence.title.as_deref(), Some("run 1: pass"));

    let second = at(times[1], Some("nist-800-53.ac-6")).unwrap();
    assert_eq!(second.controls[0].status, "fail");
    assert_eq!(second.controls[0].evidence[0].index, Some(4));
    let day_after = times[1].plus(std::time::Duration::from_secs(86_400));
    let late = at(day_after, None).unwrap();
    assert_eq!((late.entries, late.controls[0].status.as_str()), (7, "stale"));
    assert!(late.controls[0].evidence[0].stale);

    assert!(matches!(at(times[1], Some("AU-2")), Err(ReplayError::Usage(_))));
    let before = at(Timestamp::from_micros(0), None).unwrap();
    assert_eq!((before.entries, before.controls.len()), (0, 0));
}

#[test]
fn a_rebuild_gives_the_same_digests_and_other_events_others() {
    let (once, times) = exported(&["pass", "fail"]);
    let (again, _) = exported(&["pass", "fail"]);
    let (other, _) = exported(&["pass", "pass"]);
    let digests = |directory: &tempfile::TempDir, until| {
        let rebuilt = rebuild(directory.path(), until, &NoProgress).unwrap();
        assert!(rebuilt.whole(), "{:?}", rebuilt.poisoned);
        rebuilt.digests
    };
    assert_eq!(digests(&once, None), digests(&again, None));
    assert_ne!(digests(&once, None), digests(&other, None));
    assert_eq!(digests(&once, Some(times[0])), digests(&other, Some(times[0])));
}

#[test]
fn exports_are_compared_by_log_and_by_rows() {
    let (short, _) = exported(&["pass"]);
    let (long, _) = exported(&["pass", "fail"]);
    let (forked, _) = exported(&["fail", "fail"]);
    let same = diff(long.path(), long.path(), &NoProgress).unwrap();
    assert!(same.same && same.tables.is_empty());
    assert_eq!(same.log, LogDiff::Same { entries: 7 });

    let longer = diff(short.path(), long.path(), &NoProgress).unwrap();
    assert_eq!(longer.log, LogDiff::Extended { common: 4, only_a: 0, only_b: 3 });
    let control = longer.tables.iter().find(|table| table.table == "control").unwrap();
    assert_eq!((control.only_a, control.only_b, control.changed), (0, 0, 1));
    assert_eq!(control.rows[0].key, "nist-800-53 ac-6");
    assert!(control.rows[0].columns.contains(&"status: pass -> fail".to_owned()), "{:?}", control.rows);
    assert!(!longer.projections.is_empty());

    let fork = diff(long.path(), forked.path(), &NoProgress).unwrap();
    assert_eq!(fork.log, LogDiff::Forked { at: 1 });
}

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ledger-replay")).args(arguments).output().unwrap()
}

fn code(arguments: &[&str]) -> Option<i32> {
    program(arguments).status.code()
}

#[test]
fn the_program_ends_with_0_1_or_2() {
    let (directory, times) = exported(&["pass", "fail"]);
    let (other, _) = exported(&["pass"]);
    let bundle = directory.path().to_str().unwrap();
    let time = times[1].to_string();
    assert_eq!(code(&["verify", bundle]), Some(0));
    assert_eq!(code(&["rebuild", bundle]), Some(0));
    assert_eq!(code(&["as-of", bundle, "--time", &time, "--control", "AC-6"]), Some(0));
    assert_eq!(code(&["diff", bundle, bundle]), Some(0));
    assert_eq!(code(&["--help"]), Some(0));

    assert_eq!(code(&["diff", bundle, other.path().to_str().unwrap()]), Some(1));
    for wrong in [
        &["verify"][..],
        &["verify", "/nowhere"],
        &["verify", bundle, "--policy", "/nowhere"],
        &["rebuild", "/nowhere"],
        &["as-of", bundle, "--time", "yesterday"],
        &["as-of", bundle, "--time", &time, "--control", "zz-9"],
        &["frobnicate"],
    ] {
        assert_eq!(code(wrong), Some(2), "{wrong:?}");
    }

    let entries = directory.path().join("tile/entries/000.p/7");
    let mut bytes = std::fs::read(&entries).unwrap();
    bytes[1500] ^= 1;
    std::fs::write(&entries, bytes).unwrap();
    let refused = program(&["verify", bundle]);
    let text = String::from_utf8(refused.stdout).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text.contains("tile/entries/000.p/7") && text.contains("REFUSED"), "{text}");
    assert_eq!(code(&["rebuild", bundle]), Some(1));
    let json = program(&["verify", bundle, "--json"]);
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert!(report["failures_total"].as_u64().unwrap() > 0);
}

#[test]
fn without_a_trust_file_of_ones_own_the_report_says_so_loudly() {
    let (directory, _) = exported(&["pass"]);
    let bundle = directory.path().to_str().unwrap();
    let trust = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trust.path(), history(&["pass"]).0.policy().to_string()).unwrap();
    let pinned = program(&["verify", bundle, "--policy", trust.path().to_str().unwrap()]);
    let pinned = String::from_utf8(pinned.stdout).unwrap();
    assert!(pinned.contains("VERIFIED:") && !pinned.contains("NOT PINNED"), "{pinned}");
    let own = String::from_utf8(program(&["verify", bundle]).stdout).unwrap();
    assert!(own.contains("*** NOT PINNED") && own.contains("VERIFIED (NOT PINNED)"), "{own}");
}
