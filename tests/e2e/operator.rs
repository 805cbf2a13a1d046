//! What an operator may run into: each a clear error, nothing changed, nothing lost.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::bad_input::first_control;
use super::evidence::status_becomes;
use super::history::{export, files, verified};
use super::server::{Server, agent, evidence, json_headers, ledger, wait_for};

/// A stopped ledger with some history.
struct Stopped {
    dir: tempfile::TempDir,
    control: String,
    size: u64,
}

fn size(server: &Server) -> u64 {
    server.get("/v1/events?limit=1").ok()["log_size"].as_u64().unwrap()
}

impl Stopped {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start_in(dir.path());
        server.import_starter();
        let control = first_control(&server);
        server.post("/v1/evidence", &evidence(&control, "pass")).ok();
        status_becomes(&server, &control, "pass");
        let size = size(&server);
        assert_eq!(server.stop(), Some(0));
        Self { dir, control, size }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The files that a refused start must leave as they are. (SQLite may move its journal into the database: what that
    /// holds is looked at in the end.)
    fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let own = |name: &str| matches!(name, "head" | "kek" | "admin.key");
        files(&self.data()).into_iter().filter(|(name, _)| own(name)).collect()
    }

    /// Puts everything back as it was.
    fn restore(&self, files_before: &BTreeMap<String, Vec<u8>>) {
        for name in files(&self.data()).keys().filter(|name| !files_before.contains_key(*name)) {
            fs::remove_file(self.data().join(name)).unwrap();
        }
        for (name, bytes) in files_before {
            fs::write(self.data().join(name), bytes).unwrap();
        }
    }

    /// A start is refused with these words, by serving and by every verb that opens the ledger, and changes nothing.
    #[track_caller]
    fn refuses(&self, wrapper: &[&str], words: &[&str]) {
        let before = self.kept();
        let said = Server::try_start(wrapper, self.dir.path()).map(drop).unwrap_err();
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(said.contains("exit status: 1") && !said.contains("panicked"), "{said}");
        assert!(self.kept() == before, "the refused start changed something");
    }

    /// It starts again, with all that was there, and takes more.
    #[track_caller]
    fn is_whole(&self) {
        let server = Server::start_in(self.dir.path());
        assert_eq!(size(&server), self.size);
        server.post("/v1/evidence", &evidence(&self.control, "fail")).ok();
        status_becomes(&server, &self.control, "fail");
    }
}

#[test]
fn a_second_server_on_the_same_directory_names_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let first = Server::start_in(dir.path());
    let said = Server::try_start(&[], dir.path()).map(drop).unwrap_err();
    assert!(said.contains(&format!("in use by process {}", first.pid())), "{said}");
    assert_eq!(first.get("/v1/whoami").status, 200);
    let pid = first.pid();
    first.kill();
    // The dead hold nothing.
    assert_ne!(Server::start_in(dir.path()).pid(), pid);
}

/// Damages the bytes of a file.
type Change = fn(&mut Vec<u8>);

#[test]
fn lost_or_damaged_files_are_named_and_nothing_is_made_in_their_place() {
    let stopped = Stopped::new();
    let data = stopped.data();
    let whole = files(&data);
    for (file, words) in [
        ("kek", ["kek is missing", "restore it"]),
        ("head", ["head is missing", "recover --accept-loss"]),
        ("events.db", ["head cannot be trusted", "there is no database"]),
    ] {
        for name in whole.keys().filter(|name| name.starts_with(file)) {
            fs::remove_file(data.join(name)).unwrap();
        }
        stopped.refuses(&[], &words);
        stopped.restore(&whole);
    }
    let changes: [(&str, Change, &[&str]); 5] = [
        (
            "kek",
            |bytes| bytes[0] = if bytes[0] == b'0' { b'1' } else { b'0' },
            &["head cannot be trusted", "under this key"],
        ),
        ("kek", |bytes| bytes.truncate(10), &["kek must hold 64 hex digits"]),
        ("head", |bytes| bytes[8] ^= 1, &["head cannot be trusted"]),
        ("head", |bytes| bytes.truncate(100), &["head cannot be trusted"]),
        ("events.db", |bytes| bytes[100..1000].fill(0), &["events.db is damaged", "restore a backup"]),
    ];
    for (file, change, words) in changes {
        // What the journal holds is read in the place of what the database holds: both are damaged.
        for name in whole
            .keys()
            .filter(|name| *name == file || name.starts_with("events.db-wal") && file == "events.db")
        {
            let mut bad = whole[name].clone();
            if !bad.is_empty() {
                change(&mut bad);
            }
            fs::write(data.join(name), &bad).unwrap();
        }
        stopped.refuses(&[], words);
        stopped.restore(&whole);
    }
    stopped.is_whole();
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let stopped = Stopped::new();
    let data = stopped.data();
    // Root may write anywhere unless it gives that right up.
    let weak = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let wrapper = if rustix::process::getuid().is_root() { &weak[..] } else { &[] };
    let modes = |directory, file| {
        for name in files(&data).keys() {
            fs::set_permissions(data.join(name), fs::Permissions::from_mode(file)).unwrap();
        }
        fs::set_permissions(&data, fs::Permissions::from_mode(directory)).unwrap();
    };
    modes(0o500, 0o400);
    let before = stopped.kept();
    let said = Server::try_start(wrapper, stopped.dir.path()).map(drop).unwrap_err();
    assert!(said.contains(data.to_str().unwrap()) && said.contains("ermission denied"), "{said}");
    modes(0o700, 0o600);
    assert!(stopped.kept() == before);
    stopped.is_whole();
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("ledger.toml");
    let serve = |settings: &str, environment: &[(&str, &str)]| {
        fs::write(&file, settings).unwrap();
        let output = Command::new(super::server::LEDGER)
            .args(["--config", file.to_str().unwrap(), "serve", "--data", data.to_str().unwrap()])
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (settings, environment, words) in [
        ("[server]\nlistne = \"x\"", None, "unknown setting server.listne"),
        ("[sever]\nlisten = \"x\"", None, "sever"),
        ("[server]\nlisten = \"x\"", None, "server.listen"),
        ("[server]\nin_flight_max = \"many\"", None, "server.in_flight_max"),
        ("not toml", None, "ledger.toml is not TOML"),
        ("", Some(("LEDGER_SERVER_LISTNE", "x")), "LEDGER_SERVER_LISTNE"),
        ("[server]\nlisten = \"0.0.0.0:0\"", None, "would send keys in clear"),
        ("[server]\nlisten = \"127.0.0.1:0\"\ntls_cert = \"/no/such.pem\"", None, "/no/such.pem"),
    ] {
        let said = serve(settings, environment.as_slice());
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!data.join("events.db").exists(), "a refused start makes no ledger");
    for verb in ["export", "verify"] {
        let mut arguments = vec![verb, "--data", data.to_str().unwrap()];
        if verb == "export" {
            arguments.extend(["--out", "never"]);
        }
        let output = ledger(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("there is no ledger in"), "{said}");
    }
}

#[test]
fn a_clock_that_went_back_is_told_and_breaks_nothing() {
    // The library by itself: its front end would stand between the test and the server's process.
    let Ok(library) = Command::new("faketime").args(["-f", "-1d", "printenv", "LD_PRELOAD"]).output() else {
        println!("left out: faketime is not installed (apt-get install faketime)");
        return;
    };
    let preload = format!("LD_PRELOAD={}", String::from_utf8(library.stdout).unwrap().trim());
    let stopped = Stopped::new();
    let trust = stopped.dir.path().join("trust");
    let server = Server::try_start(&["env", &preload, "FAKETIME=-1d"], stopped.dir.path()).unwrap();
    fs::write(&trust, server.get("/v1/whoami").ok()["trust"].as_str().unwrap()).unwrap();
    let ready = server.get("/readyz");
    assert!(ready.text.contains("clock"), "{}", ready.text);
    // Evidence of today lies in the future of this clock.
    let future = server.post("/v1/evidence", &evidence(&stopped.control, "pass"));
    let pointer = future.json["errors"][0]["pointer"].as_str().unwrap();
    assert!(future.problem() == "invalid" && pointer.starts_with("/observed_"), "{}", future.text);
    server.key("viewer");
    let events = wait_for("the new event", || {
        let events = server.get("/v1/events?limit=2").ok();
        (events["items"][0]["event_type"] == "ledger.credential.issued.v1").then_some(events)
    });
    let at = |row: usize, member: &str| events["items"][row][member].as_str().unwrap().to_owned();
    assert!(at(0, "time") < at(1, "time"), "the clock did go back");
    assert!(at(0, "as_of") >= at(1, "as_of"), "what counts for the past never goes back");
    assert_eq!(server.stop(), Some(0));
    let bundle = stopped.dir.path().join("bundle");
    export(&stopped.data(), &bundle, &[]);
    verified(&bundle, &trust);
    let server = Server::start_in(stopped.dir.path());
    server.post("/v1/evidence", &evidence(&stopped.control, "fail")).ok();
    status_becomes(&server, &stopped.control, "fail");
    assert!(!server.get("/readyz").text.contains("clock"));
}

#[test]
fn with_a_certificate_it_serves_tls_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (cert_path, key_path) = (text(&cert), text(&key));
    let settings = [("LEDGER_SERVER_TLS_CERT", &*cert_path), ("LEDGER_SERVER_TLS_KEY", &*key_path)];
    let server = Server::start_with(&settings);
    assert!(server.url.starts_with("https://"), "{}", server.url);
    let trusting = |pem: &str| {
        let root = ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap();
        let tls = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::Specific(Arc::new(vec![root])))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = ureq::Agent::config_builder().http_status_as_error(false).tls_config(tls);
        ureq::Agent::from(config.build())
    };
    let headers = json_headers(&server.admin);
    let asked = server.send(&trusting(&made.cert.pem()), "GET", "/v1/whoami", &headers, None).unwrap();
    assert_eq!(asked.status, 200);
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    assert!(server.send(&trusting(&other.cert.pem()), "GET", "/v1/whoami", &headers, None).is_err());
    let plain = Server::at(&server.url.replace("https://", "http://"), &server.admin);
    assert!(plain.send(&agent(), "GET", "/v1/whoami", &headers, None).is_err());
}

#[test]
fn health_metrics_and_request_ids_tell_how_it_goes() {
    let server = Server::start();
    let open = |path: &str| server.request("GET", path, None, None);
    assert_eq!((open("/healthz").status, open("/healthz").text.as_str()), (200, "ok\n"));
    wait_for("/readyz", || (open("/readyz").json["ready"] == true).then_some(()));
    server.import_starter();
    assert_eq!(server.get("/v1/no-such-thing").status, 404);
    let metrics = open("/metrics");
    let content_type = metrics.headers["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("application/openmetrics-text"), "{content_type}");
    for name in ["ledger_http_requests_total{class=\"4xx\"} 1", "ledger_store_position", "# EOF"] {
        assert!(metrics.text.contains(name), "{name}: {}", metrics.text);
    }
    let mut headers = json_headers(&server.admin);
    headers.push(("x-request-id".to_owned(), "of-the-client".to_owned()));
    let refused = server.raw("GET", "/v1/evidence/x", &headers, None);
    assert_eq!(refused.headers["x-request-id"], "of-the-client");
    assert_eq!(refused.json["request_id"], "of-the-client");
    assert_ne!(open("/healthz").headers["x-request-id"], open("/healthz").headers["x-request-id"]);
}
