//! The probe and its SDK against the real server.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ledger_probe::{CheckResult, Config, Evidence, Probe, Trust};
use serde_json::{Value, json};

use super::server::{LEDGER, Server, wait_for};

const PATIENCE: Duration = Duration::from_secs(60);

fn evidence(control: &str) -> Evidence {
    Evidence::new("test/check", "A title", CheckResult::Pass)
        .control("starter", control)
        .checked(1)
        .finding([("object", "thing".to_owned())])
}

fn probe(server: &Server, key: &str, spool: &Path) -> Probe {
    Probe::new(Config::new(&*server.url, key, spool).unwrap()).unwrap()
}

#[test]
fn receipts_of_the_real_ledger_verify_and_are_pinned() {
    let server = Server::start();
    server.post("/v1/frameworks/starter", &json!({})).ok();
    let (key, dir) = (server.key("probe"), tempfile::tempdir().unwrap());
    let first = probe(&server, &key, dir.path());
    let ids = first.submit_all((0..450).map(|_| evidence("host-1"))).unwrap();
    let refused = first.submit(evidence("no-such")).unwrap();
    assert!(first.flush(PATIENCE), "{:?}", first.status());
    let status = first.status();
    assert_eq!((status.receipts, status.rejected, status.receipts_refused), (450, 1, 0), "{status:?}");
    let genesis = status.genesis.unwrap();
    drop(first);
    assert_eq!(server.get(&format!("/v1/evidence/{}", ids[0])).ok()["result"], "pass");
    assert_eq!(server.get(&format!("/v1/evidence/{refused}")).status, 404);

    // The same again, as after a lost answer: the first receipts, nothing new.
    let other = tempfile::tempdir().unwrap();
    let given = Config::new(&*server.url, &key, other.path()).unwrap().trust(Trust::Genesis(genesis));
    let again = Probe::new(given).unwrap();
    let wrong = Config::new(&*server.url, &key, dir.path()).unwrap().trust(Trust::Genesis("A".repeat(43)));
    assert!(Probe::new(wrong).is_err(), "the pin in the spool is another");
    again.submit(evidence("host-2")).unwrap();
    assert!(again.flush(PATIENCE), "{:?}", again.status());
}

#[test]
fn a_registered_probe_is_heard_of_with_what_waits() {
    let server = Server::start();
    let body = json!({"id": "models", "kind": "mlflow", "name": "Models", "cadence_seconds": 60});
    server.post("/v1/probes", &body).ok();
    let dir = tempfile::tempdir().unwrap();
    let config = Config::new(&*server.url, &server.key("probe"), dir.path()).unwrap().probe("models");
    let probe = Probe::new(config).unwrap();
    let since = ledger::clock::Stopwatch::start();
    while probe.status().last_heartbeat_at.is_none() {
        assert!(since.elapsed() < PATIENCE, "{:?}", probe.status());
        std::thread::yield_now();
    }
    // The read model follows the event.
    let row = wait_for("the probe in the read models", || {
        let row = server.get("/v1/probes/models").json;
        (row["state"] == "reporting").then_some(row)
    });
    assert_eq!(row["cadence_seconds"], 60);
}

/// The server dies with requests in flight, again and again: nothing is lost, and nothing is there twice.
#[test]
fn a_ledger_that_is_killed_gets_everything_exactly_once() {
    let (data, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start_in(data.path());
    server.post("/v1/frameworks/starter", &json!({})).ok();
    let key = server.key("probe");
    server.kill();
    let mut ids = Vec::new();
    for round in 0..6 {
        let server = Server::start_in(data.path());
        let probe = probe(&server, &key, spool.path());
        ids.extend(probe.submit_all((0..100).map(|_| evidence("host-1"))).unwrap());
        let wanted = probe.status().receipts + round * 20;
        while probe.status().receipts < wanted {
            std::thread::yield_now();
        }
        server.kill();
        ids.push(probe.submit(evidence("host-1")).unwrap());
    }
    let server = Server::start_in(data.path());
    let probe = probe(&server, &key, spool.path());
    assert!(probe.flush(PATIENCE), "{:?}", probe.status());
    assert_eq!((probe.status().rejected, probe.status().receipts_refused), (0, 0));
    let events = server.get("/v1/events?type=ledger.evidence.submitted.v1&limit=1000").ok();
    let mut streams: Vec<String> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["stream"].as_str().unwrap().to_owned())
        .collect();
    let mut expected: Vec<String> = ids.iter().map(|id| format!("evidence-{id}")).collect();
    streams.sort();
    expected.sort();
    assert_eq!(streams.len(), 606);
    assert_eq!(streams, expected);
}

fn run(arguments: &[&str], key: &str) -> Output {
    Command::new(LEDGER).arg("probe").args(arguments).env("LEDGER_API_KEY", key).output().unwrap()
}

#[test]
fn the_verb_looks_at_a_host_and_hands_in_what_it_found() {
    let server = Server::start();
    server.post("/v1/frameworks/starter", &json!({})).ok();
    let dir = tempfile::tempdir().unwrap();
    let (spool, file) = (dir.path().join("spool"), dir.path().join("host.json"));
    std::fs::create_dir_all(dir.path().join("root/etc")).unwrap();
    std::fs::write(dir.path().join("root/etc/passwd"), "root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n")
        .unwrap();
    let host = json!({
        "name": "host", "what": "linux-host", "target_ref": "web-1", "target": "web-1.internal",
        "options": {"root": dir.path().join("root"), "run_sshd": false},
    });
    std::fs::write(&file, host.to_string()).unwrap();
    let (spool, file) = (spool.display().to_string(), file.display().to_string());
    let key = server.key("probe");

    let dry = run(&["run", &file, "--dry-run"], "");
    assert!(dry.status.success() && String::from_utf8_lossy(&dry.stdout).contains("uid 0"));
    let output = run(&["run", &file, "--spool", &spool, "--url", &server.url, "--json"], &key);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&shown["status"]["receipts"], &shown["status"]["waiting"]), (&json!(6), &json!(0)));
    let found = server.get("/v1/evidence?limit=100").ok();
    assert_eq!(found["items"].as_array().unwrap().len(), 6);

    let status = run(&["status", "--spool", &spool], "");
    assert!(String::from_utf8_lossy(&status.stdout).contains("6 verified"), "{status:?}");
    let no_key = run(&["run", &file, "--spool", &spool, "--url", &server.url], "");
    assert!(!no_key.status.success() && String::from_utf8_lossy(&no_key.stderr).contains("LEDGER_API_KEY"));
}
