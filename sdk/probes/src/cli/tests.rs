use clap::Parser;
use ledger::apikey::{ApiKey, Environment};
use ledger::clock::SeededEntropy;

use super::*;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    probe: ProbeArgs,
}

fn verb(arguments: &[&str]) -> (Result<Outcome, CliError>, String) {
    let cli = Cli::try_parse_from(["probe"].iter().chain(arguments)).unwrap();
    let key = ApiKey::generate(Environment::Test, &SeededEntropy::new(1)).expose().to_string();
    let mut out = Vec::new();
    let outcome = run(&cli.probe, Some(&key), &Stop::default(), &mut out);
    (outcome, String::from_utf8(out).unwrap())
}

#[test]
fn from_init_to_a_dry_run() {
    let dir = tempfile::tempdir().unwrap();
    let probes = dir.path().join("probes").display().to_string();
    for what in ["linux-host", "postgres", "mlflow", "command"] {
        let (outcome, text) = verb(&["init", what, "--dir", &probes]);
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert!(text.contains(&format!("{what}.json")), "{text}");
    }
    let file = format!("{probes}/command.json");
    let (outcome, text) = verb(&["run", &file, "--dry-run", "--json"]);
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let shown: Value = serde_json::from_str(&text).unwrap();
    // The program of the template is not there: an error that would bear on no control yet.
    assert_eq!(shown["left_out"], json!(["my-probe/example"]));
    assert!(verb(&["init", "nothing", "--dir", &probes]).0.is_err());
    assert!(verb(&["run", "nothing", "--dry-run"]).0.is_err());
}

#[test]
fn without_a_ledger_everything_waits_and_the_status_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool").display().to_string();
    let file = dir.path().join("host.json");
    let host =
        json!({"name": "host", "what": "linux-host", "options": {"root": dir.path(), "run_sshd": false}});
    std::fs::write(&file, host.to_string()).unwrap();
    let file = file.display().to_string();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let (outcome, text) = verb(&["run", &file, "--spool", &spool, "--url", &url, "--wait", "0"]);
    assert_eq!(outcome.unwrap(), Outcome::Incomplete);
    assert!(text.contains("linux-host/kernel-settings") && text.contains("6 waiting"), "{text}");
    let (outcome, text) = verb(&["status", "--spool", &spool]);
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert!(text.contains("6 waiting") && text.contains("probe host"), "{text}");
    let (_, text) = verb(&["status", "--spool", &spool, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["sender"]["waiting"], 6);
}

#[test]
fn a_key_is_needed_and_a_mistyped_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    let spool = dir.path().display().to_string();
    let path = key.display().to_string();
    assert!(matches!(
        verb(&["run", "--key-file", &path, "--spool", &spool]).0,
        Err(CliError::KeyFile { .. })
    ));
    std::fs::write(&key, "lgr_live_x").unwrap();
    assert!(matches!(verb(&["run", "--key-file", &path, "--spool", &spool]).0, Err(CliError::Key(_))));
    let cli = Cli::try_parse_from(["probe", "run", "--spool", &spool]).unwrap();
    assert!(matches!(run(&cli.probe, None, &Stop::default(), &mut Vec::new()), Err(CliError::NoKey)));
}
