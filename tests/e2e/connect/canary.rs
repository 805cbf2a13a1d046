//! Canary secrets: recognisable ones, used in a whole round trip, that must stand nowhere in the clear, in base64 or in
//! hex: no file of the data directory, no export, no log, no metric, and nothing that an adapter is told.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ledger_fakes::sink::Sink;
use ledger_fakes::{jira, servicenow};
use serde_json::json;

use super::super::bad_input::first_control;
use super::super::history::{export, holds};
use super::super::server::{Server, evidence, ledger, wait_for};
use super::stage::{
    Vendors, connection, degraded, integrate, jira_config, put, route, secret, servicenow_config,
};

const JIRA: &str = "cAnArY-jira-token-5f1c9e";
const SNOW: &str = "cAnArY-snow-password-77ab03";
const CLIENT: &str = "cAnArY-oauth-secret-e0d142";
const SINK: &str = "cAnArY-sink-bearer-19c6fd";
const REFUSED: &str = "cAnArY-refused-token-40b8aa";
const HOOK: &str = "cAnArY-hook-secret-2d9e71";
const SECRETS: [&str; 6] = [JIRA, SNOW, CLIENT, SINK, REFUSED, HOOK];
/// A word that is no secret and stands in all of these places.
const PUBLIC: &str = "canary-in-public-8e31";

/// What a word looks like in the clear, in hex, and in base64 wherever it begins.
fn forms(word: &str) -> Vec<Vec<u8>> {
    let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![word.as_bytes().to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for before in 0..3 {
        let text = [&[0; 2][..before], word.as_bytes()].concat();
        // What stands before and after it reaches into the outermost digits.
        let (from, to) = ([0, 2, 3][before], text.len() / 3 * 4);
        for digits in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            forms.push(digits.as_bytes()[from..to].to_vec());
        }
    }
    forms
}

fn says(bytes: &[u8], word: &str) -> bool {
    forms(word).iter().any(|form| holds(bytes, form))
}

/// All files below a folder with what is in them, their names included.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path, bytes));
        }
    }
    found
}

/// The example adapter, which writes all that it was ever told into the ticket that it opens.
fn echoing(into: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/adapter-python");
    let to = into.join("echo");
    std::fs::create_dir_all(&to).unwrap();
    for name in ["manifest.json", "adapter.py"] {
        let text = std::fs::read_to_string(from.join(name)).unwrap().replace("http-sink", PUBLIC);
        let text = text.replacen("CONFIG = {}\n", "CONFIG = {}\nHEARD = []\n", 1);
        let text = text.replacen(
            "        request = json.loads(line)\n",
            "        HEARD.append(line)\n        request = json.loads(line)\n",
            1,
        );
        let text = text.replacen(
            "\"queue\": CONFIG[\"queue\"],",
            "\"queue\": CONFIG[\"queue\"], \"heard\": HEARD,",
            1,
        );
        std::fs::write(to.join(name), text).unwrap();
    }
    assert!(std::fs::read_to_string(to.join("adapter.py")).unwrap().matches("HEARD").count() == 3);
    std::fs::set_permissions(to.join("adapter.py"), std::fs::Permissions::from_mode(0o755)).unwrap();
    to
}

fn vendors() -> Vendors {
    let access =
        jira::Access { account: ("ledger@example.org".into(), JIRA.into()), ..jira::Access::default() };
    let there = servicenow::Access {
        user: ("ledger.integration".into(), SNOW.into()),
        client: ("fakeclient0001".into(), CLIENT.into()),
        ..servicenow::Access::default()
    };
    Vendors::with(
        jira::Settings { access, ..jira::Settings::default() },
        servicenow::Settings { access: there, ..servicenow::Settings::default() },
    )
}

#[test]
fn secrets_stand_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let redirect = format!("exec \"$0\" \"$@\" 2>>{}", log.display());
    let wrapper = [
        "env",
        "LEDGER_EGRESS_NETWORKS=127.0.0.0/8",
        "LEDGER_LOG_LEVEL=debug",
        "sh",
        "-c",
        redirect.as_str(),
    ];
    let server = Server::try_start(&wrapper, dir.path()).unwrap();
    let vendors = vendors();
    let sink = vendors.serve(Sink::new(SINK));
    let has_python = Path::new("/usr/bin/python3").exists();
    server.import_starter();
    let secrets = [
        ("jira-token", REFUSED),
        ("snow-password", SNOW),
        ("snow-client", CLIENT),
        ("sink-token", SINK),
        ("hook", HOOK),
    ];
    for (name, value) in secrets {
        secret(&server, name, value);
    }
    let id = PUBLIC;
    let mut config = jira_config(&vendors);
    config["exchange_bodies"] = true.into();
    config["inbound"] = json!({ "secrets": [{ "secret": "hook" }] });
    integrate(&server, id, "jira", &config);
    let mut config = servicenow_config(&vendors);
    config["exchange_bodies"] = true.into();
    config["auth"] = json!({ "oauth2": {
        "token_url": format!("{}/oauth_token.do", vendors.servicenow.url()),
        "client_id": "fakeclient0001", "client_secret": { "secret": "snow-client" },
        "grant": { "password": { "user": "ledger.integration", "password": { "secret": "snow-password" } } },
    } });
    integrate(&server, "servicenow", "servicenow", &config);
    if has_python {
        let (source, data) = (echoing(dir.path()), server.data());
        let installed =
            ledger(&["adapters", "install", source.to_str().unwrap(), "--data", data.to_str().unwrap()]);
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        let auth = json!({ "bearer": { "token": { "secret": "sink-token" } } });
        let mut config = connection(&sink.url(), sink.address.port(), auth, json!({ "queue": PUBLIC }));
        config["exchange_bodies"] = true.into();
        integrate(&server, "echo", PUBLIC, &config);
        route(&server, "echo");
    }
    // A credential that is refused is told of; the next is taken.
    let health =
        || server.post(&format!("/v1/integrations/{id}/runs/now"), &json!({ "what": "health" })).ok();
    assert_eq!(health()["whole"], false);
    wait_for("the degradation", || degraded(&server, id));
    secret(&server, "jira-token", JIRA);
    assert_eq!(health()["whole"], true);
    route(&server, id);
    route(&server, "servicenow");
    // Something that is refused is told of, too.
    let wrong = json!({ "config": { "auth": { "bearer": { "token": JIRA } } } });
    assert_eq!(put(&server, &format!("/v1/integrations/{id}/configuration"), &wrong).status, 422);
    // There and back.
    let control = first_control(&server);
    let tickets = |state: &str| {
        server.get(&format!("/v1/tickets?state={state}")).ok()["items"].as_array().unwrap().len()
    };
    let wanted = if has_python { 3 } else { 2 };
    server.post("/v1/evidence", &evidence(&control, "fail")).ok();
    wait_for("the tickets", || (tickets("open") == wanted).then_some(()));
    for integration in [id, "servicenow"] {
        let path = format!("/v1/integrations/{integration}/runs/now");
        assert_eq!(server.post(&path, &json!({ "what": "poll" })).ok()["whole"], true);
    }
    server.post("/v1/evidence", &evidence(&control, "pass")).ok();
    wait_for("the tickets to be over", || (tickets("over") == wanted).then_some(()));
    assert!(vendors.servicenow.fake.counts().token_requests > 0, "the client's secret was used");
    let metrics = server.get("/metrics").text;
    let bundle = dir.path().join("bundle");
    export(&server.data(), &bundle, &[]);
    let running = files(dir.path());
    assert_eq!(server.stop(), Some(0));
    let told: Vec<u8> =
        sink.fake.tickets().iter().flat_map(|ticket| ticket["heard"].to_string().into_bytes()).collect();
    let mut places = running;
    places.extend(files(dir.path()));
    places.extend([("metrics".into(), metrics.into_bytes()), ("adapter".into(), told)]);
    for word in SECRETS {
        let found: Vec<&PathBuf> =
            places.iter().filter(|(_, bytes)| says(bytes, word)).map(|(path, _)| path).collect();
        assert!(found.is_empty(), "{word} stands in {found:?}");
    }
    // Controls: the same search finds a word that is no secret in each of these places, and each form of it.
    let is_found =
        |below: &Path, word| places.iter().any(|(path, bytes)| path.starts_with(below) && says(bytes, word));
    let data = dir.path().join("data");
    let words = [
        (data.as_path(), PUBLIC),
        (bundle.as_path(), PUBLIC),
        (log.as_path(), "requests in flight end first"),
        (Path::new("metrics"), "ledger_http_requests_total"),
    ];
    for (place, word) in words {
        assert!(is_found(place, word), "the search is blind in {}", place.display());
    }
    let told = is_found(Path::new("adapter"), PUBLIC);
    assert!(told || !has_python, "the search is blind in what the adapter was told");
    for before in ["", "u", "us", "user:"] {
        let hidden = STANDARD_NO_PAD.encode(format!("{before}{JIRA}-and-more"));
        assert!(says(hidden.as_bytes(), JIRA) && !says(hidden.as_bytes(), SNOW), "{hidden}");
    }
    println!("{} files and answers: none of {} secrets in any", places.len(), SECRETS.len());
}
