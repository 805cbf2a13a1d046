use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger::clock::{ManualClock, SystemClock};
use serde_json::{Value, json};

use super::*;
use crate::evidence::CheckResult;
use crate::probe::Probe;
use crate::sleeper::VirtualSleeper;
use crate::transport::{Request, Response, Transport, TransportError};
use crate::{Config, ControlRef, Parts};

fn file(value: Value) -> ProbeFile {
    serde_json::from_value(value).unwrap()
}

fn script(text: &str) -> ProbeFile {
    file(json!({
        "name": "custom", "what": "command", "timeout_seconds": 20,
        "options": {"command": ["/bin/sh", "-c", text], "checks": ["my/check"]},
        "controls": {"my/check": [{"framework": "starter", "control": "ai-1"}]},
    }))
}

fn dry(file: &ProbeFile) -> Collected {
    dry_run(file, &Registry::default(), &SystemClock).unwrap()
}

const REPORT: &str = r#"{"check":"my/check","title":"Mine","result":"pass","checked":3,"findings":[]}"#;

#[test]
fn a_custom_probe_prints_one_report_or_several() {
    for text in [REPORT.to_owned(), format!("{{\"checks\":[{REPORT}]}}")] {
        let collected = dry(&script(&format!("echo '{text}'")));
        assert_eq!(collected.failed, None);
        let [evidence] = &collected.evidence[..] else { panic!("{collected:?}") };
        assert_eq!((evidence.result, evidence.checked), (CheckResult::Pass, 3));
        assert_eq!(evidence.controls, [ControlRef::new("starter", "ai-1")]);
        // Hourly, a quarter on top, and the time of a run.
        assert_eq!(evidence.cadence_seconds, Some(3600 + 900 + 20));
        assert_eq!(evidence.validate(), Ok(()));
    }
}

#[test]
fn a_custom_probe_that_fails_is_told_as_error() {
    for (text, why) in [
        ("exit 3", "exit status: 3"),
        ("echo nonsense", "printed no reports"),
        ("echo '{\"checks\":[]}'", "0 reports"),
        ("echo '{\"checks\":[{\"check\":\"x\"}]}'", "missing field"),
        ("head -c 9000000 /dev/zero", "more than"),
    ] {
        let collected = dry(&script(text));
        let [evidence] = &collected.evidence[..] else { panic!("{text}: {collected:?}") };
        assert_eq!((evidence.result, evidence.checked), (CheckResult::Error, 0), "{text}");
        let summary = evidence.summary.as_deref().unwrap();
        assert!(summary.contains(why), "{text}: {summary}");
    }
    let slow = ProbeFile { timeout_seconds: 1, ..script("sleep 600") };
    assert_eq!(dry(&slow).evidence[0].result, CheckResult::Error);
    // One that reports something else leaves the planned check out: that is an error too.
    let other = dry(&script(&format!("echo '{}'", REPORT.replace("my/check", "my/other"))));
    assert_eq!((other.evidence.len(), &*other.left_out), (1, &["my/other".to_owned()][..]));
    assert_eq!(other.evidence[0].result, CheckResult::Error);
}

#[test]
fn a_custom_probe_gets_no_environment_but_its_own() {
    let mut probe = script("test -z \"$HOME$LEDGER_API_KEY\" && test \"$MINE\" = 1 && cat");
    probe.options["env"] = json!({"MINE": "1"});
    // The environment is right, so `cat` runs, and has no input.
    let failed = dry(&probe).failed.unwrap().to_string();
    assert!(failed.contains("printed no reports"), "{failed}");
}

#[test]
fn only_controls_of_the_files_frameworks_are_named() {
    let host = ProbeFile::of("linux-host", json!({"root": "/nonexistent", "run_sshd": false}));
    let controls = |file: &ProbeFile| -> Vec<String> {
        let evidence = dry(file).evidence;
        evidence.into_iter().flat_map(|e| e.controls).map(|c| c.framework).collect()
    };
    assert!(controls(&host).iter().all(|framework| framework == "starter"));
    let both = ProbeFile { frameworks: vec!["starter".into(), "nist-800-53".into()], ..host.clone() };
    assert!(controls(&both).iter().any(|framework| framework == "nist-800-53"));
    let none = dry(&ProbeFile { frameworks: vec!["other".into()], ..host });
    assert_eq!((none.evidence.len(), none.left_out.len()), (0, 6));
}

#[test]
fn wrong_files_are_refused_with_the_reason() {
    let registry = Registry::default();
    let good = json!({"name": "a", "what": "linux-host"});
    assert!(file(good.clone()).validate(&registry).is_ok());
    for (member, value, expected) in [
        ("name", json!("Upper"), "name"),
        ("what", json!("postgres-9"), "there are: linux-host, command"),
        ("schedule", json!("61 * * * *"), "schedule"),
        ("timeout_seconds", json!(0), "timeout_seconds"),
        ("frameworks", json!([]), "frameworks"),
        ("target_ref", json!("host name"), "target_ref"),
        ("options", json!({"unknown": 1}), "unknown field"),
        ("controls", json!({"x": [{"framework": "starter", "control": "AC-6"}]}), "controls"),
    ] {
        let mut wrong = good.clone();
        wrong[member] = value;
        let error = file(wrong).validate(&registry).unwrap_err().to_string();
        assert!(error.contains(expected), "{member}: {error}");
    }
    let mut unknown = good;
    unknown["every"] = json!("hour");
    assert!(serde_json::from_value::<ProbeFile>(unknown).is_err());
}

#[test]
fn what_init_writes_can_be_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::default();
    assert!(matches!(load(dir.path(), &registry), Err(FileError::None { .. })));
    for what in ["linux-host", "command"] {
        init(dir.path(), what, &registry).unwrap();
        assert!(
            matches!(init(dir.path(), what, &registry), Err(FileError::Io { .. })),
            "an existing file is kept"
        );
    }
    assert!(matches!(init(dir.path(), "nothing", &registry), Err(FileError::Unknown { .. })));
    let files = load(dir.path(), &registry).unwrap();
    assert_eq!(files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["command", "linux-host"]);
    std::fs::copy(dir.path().join("command.json"), dir.path().join("copy.json")).unwrap();
    assert!(matches!(load(dir.path(), &registry), Err(FileError::Twice { .. })));
}

struct Nowhere;

impl Transport for Nowhere {
    fn send(&self, _: &Request<'_>) -> Result<Response, TransportError> {
        Err(TransportError("nowhere".into()))
    }
}

fn probe(dir: &Path) -> Probe {
    let key = ledger::apikey::ApiKey::generate(
        ledger::apikey::Environment::Test,
        &ledger::clock::SeededEntropy::new(1),
    );
    let config = Config::new("http://127.0.0.1:1", &key.expose(), dir).unwrap();
    Probe::with_parts(config, Parts { transport: Some(Box::new(Nowhere)), ..Parts::default() }).unwrap()
}

#[test]
fn the_daemon_runs_at_its_start_and_on_schedule() {
    let dir = tempfile::tempdir().unwrap();
    let probe = probe(dir.path());
    let clock = Arc::new(ManualClock::new("2026-03-01T12:10:00Z".parse().unwrap()));
    let sleeper = VirtualSleeper(Arc::clone(&clock));
    let times = Mutex::new(Vec::new());
    let stop = Stop::default();
    let tell = |event: RunEvent<'_>| {
        if let RunEvent::Submitted { .. } = event {
            let mut times = times.lock().unwrap();
            times.push(ledger::clock::Clock::now(&*clock).to_string()[11..16].to_owned());
            if times.len() == 4 {
                stop.stop();
            }
        }
    };
    let files = [ProbeFile { schedule: "*/20 * * * *".into(), ..script(&format!("echo '{REPORT}'")) }];
    daemon(&files, &Registry::default(), &probe, &*clock, &sleeper, &stop, &tell).unwrap();
    assert_eq!(*times.lock().unwrap(), ["12:10", "12:20", "12:40", "13:00"]);
    assert_eq!(probe.status().waiting, 4);
    drop(probe);
    let shown = status(dir.path()).unwrap().to_string();
    assert!(shown.contains("probe custom: last run 2026-03-01T13:00") && shown.contains("pass"), "{shown}");
    assert!(shown.contains("waiting"), "{shown}");
}

#[test]
fn a_status_can_be_read_before_anything_ran() {
    let dir = tempfile::tempdir().unwrap();
    assert!(status(dir.path()).unwrap().to_string().contains("no probe has run"));
    assert_eq!(Duration::from_secs(300), ProbeFile::of("x", Value::Null).timeout());
}
