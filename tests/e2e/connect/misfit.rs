//! Adapters that spin, hang, flood or die: foreign packages beside a good one, which carries out all of its work while
//! they carry out none of theirs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ledger_fakes::sink::Sink;
use serde_json::json;

use super::super::server::{Server, evidence, ledger, wait_for};
use super::stage::{
    JIRA_TOKEN, SETTINGS, Vendors, connection, degraded, integrate, jira_config, route, secret,
};

/// What they do when a ticket is to be opened.
const FAULTS: [&str; 4] = ["spin", "hang", "flood", "die"];
/// Controls that fail while they do.
const FAILURES: usize = 4;

const TROUBLE: &str = r#"
def trouble(queue):
    if queue == "spin":
        while True:
            pass
    if queue == "hang":
        while True:
            sys.stdin.read(1)
    if queue == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    if queue == "die":
        sys.exit(3)


def translate(message):
    trouble(CONFIG["queue"])
"#;

/// The example, which gets into trouble where its queue says so. As a package of its own.
fn package(into: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/adapter-python");
    let to = into.join("misfit");
    std::fs::create_dir_all(&to).unwrap();
    for name in ["manifest.json", "adapter.py"] {
        let text = std::fs::read_to_string(from.join(name)).unwrap().replace("http-sink", "misfit");
        let text = text.replacen("def translate(message):\n", TROUBLE, 1);
        std::fs::write(to.join(name), text).unwrap();
    }
    std::fs::set_permissions(to.join("adapter.py"), std::fs::Permissions::from_mode(0o755)).unwrap();
    to
}

#[test]
fn adapters_that_spin_hang_flood_or_die_keep_nobody_else_waiting() {
    if !Path::new("/usr/bin/python3").exists() {
        println!("skipped: no /usr/bin/python3 here to run the adapter");
        return;
    }
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    let sink = vendors.serve(Sink::new("sink-token"));
    let (source, data) = (package(&server.data()), server.data());
    let installed =
        ledger(&["adapters", "install", source.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    server.import_starter();
    secret(&server, "sink-token", "sink-token");
    secret(&server, "jira-token", JIRA_TOKEN);
    integrate(&server, "jira", "jira", &jira_config(&vendors));
    for queue in FAULTS.iter().chain(&["well"]) {
        let auth = json!({ "bearer": { "token": { "secret": "sink-token" } } });
        let config = connection(&sink.url(), sink.address.port(), auth, json!({ "queue": queue }));
        integrate(&server, queue, "misfit", &config);
    }
    for integration in FAULTS.iter().chain(&["well", "jira"]) {
        route(&server, integration);
    }
    let listed = server.get("/v1/controls?framework=starter&limit=50").ok();
    let controls: Vec<String> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .take(FAILURES)
        .map(|control| control["control"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(controls.len(), FAILURES);
    for control in &controls {
        server.post("/v1/evidence", &evidence(control, "fail")).ok();
    }
    let open = |integration: &str| {
        let tickets = server.get("/v1/tickets?state=open&limit=1000").ok();
        let tickets = tickets["items"].as_array().unwrap();
        tickets.iter().filter(|ticket| ticket["integration"] == integration).count()
    };
    // The others have all of theirs, from failure to open ticket, while those in trouble have none.
    wait_for("Jira's tickets", || (open("jira") == FAILURES).then_some(()));
    wait_for("the tickets of the same adapter without trouble", || (open("well") == FAILURES).then_some(()));
    assert_eq!(vendors.jira.fake.counts().issues, FAILURES);
    for fault in FAULTS {
        assert_eq!(open(fault), 0, "{fault}");
    }
    // They are told from the good ones, and none of their work is lost.
    for fault in FAULTS {
        wait_for(&format!("{fault} to be found out"), || {
            // It is the adapter that fails, not the other side.
            degraded(&server, fault).filter(|reason| reason == "adapter")
        });
    }
    assert!(sink.fake.tickets().iter().all(|ticket| ticket["queue"] == "well"), "{:?}", sink.fake.tickets());
    for good in ["jira", "well"] {
        assert!(server.get(&format!("/v1/integrations/{good}")).ok()["degraded"].is_null(), "{good}");
    }
    // Meanwhile the next failure reaches Jira as the first ones did.
    server.post("/v1/evidence", &evidence(&controls[0], "pass")).ok();
    wait_for("the ticket to be closed", || (open("jira") == FAILURES - 1).then_some(()));
}
