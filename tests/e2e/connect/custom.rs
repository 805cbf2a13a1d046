//! An adapter of one's own: the example in Python, installed into a running ledger, upgraded, and found out when its files
//! change.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ledger_fakes::sink::Sink;
use serde_json::{Value, json};

use super::super::bad_input::first_control;
use super::super::server::{Server, evidence, ledger, wait_for};
use super::stage::{SETTINGS, Vendors, connection, degraded, integrate, put, route, secret};

fn adapters(server: &Server, arguments: &[&str]) -> Value {
    let data = server.data();
    let words = [&["adapters"], arguments, &["--json", "--data", data.to_str().unwrap()]].concat();
    let output = ledger(&words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The example under another version.
fn upgraded(into: &Path) -> PathBuf {
    let (from, to) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/adapter-python"), into.join("upgraded"));
    std::fs::create_dir_all(&to).unwrap();
    for name in ["manifest.json", "adapter.py"] {
        let text = std::fs::read_to_string(from.join(name)).unwrap();
        std::fs::write(to.join(name), text.replace("1.0.0", "1.1.0")).unwrap();
    }
    to
}

#[test]
fn what_a_package_is_told_is_checked_by_its_schema_before_it_is_in_force() {
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/adapter-python");
    adapters(&server, &["install", example]);
    secret(&server, "sink-token", "sink-token");
    server
        .post("/v1/integrations", &json!({ "id": "sink", "kind": "http-sink", "adapter_version": "1.0.0" }))
        .ok();
    wait_for("the integration", || (server.get("/v1/integrations/sink").status == 200).then_some(()));
    let configure = |adapter: Value| {
        let auth = json!({ "bearer": { "token": { "secret": "sink-token" } } });
        let config = connection(&vendors.jira.url(), vendors.jira.address.port(), auth, adapter);
        put(&server, "/v1/integrations/sink/configuration", &json!({ "config": config }))
    };
    for (adapter, pointer, words) in [
        (json!({}), "/config/adapter/queue", "is missing"),
        (json!({ "queue": 7 }), "/config/adapter/queue", "want string"),
        (json!({ "queue": "a", "que": "b" }), "/config/adapter/que", "there is: queue"),
    ] {
        let refused = configure(adapter);
        assert_eq!((refused.status, refused.problem()), (422, "invalid"), "{}", refused.text);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        assert!(refused.text.contains(words), "{}", refused.text);
    }
    assert!(server.get("/v1/integrations/sink").ok()["config_version"].is_null(), "nothing has changed");
    configure(json!({ "queue": "compliance" })).ok();
    // Every adapter shows what it is told.
    let listed = server.get("/v1/adapters").ok();
    let shown = |name: &str| {
        let mut items = listed["items"].as_array().unwrap().iter();
        items.find(|adapter| adapter["name"] == name).unwrap()["config_schema"].clone()
    };
    assert_eq!(shown("http-sink")["required"], json!(["queue"]));
    assert_eq!(shown("jira")["properties"]["deployment"]["enum"], json!(["cloud", "data_center"]));
    assert_eq!(adapters(&server, &["show", "servicenow"])["config_schema"], shown("servicenow"));
    // A schema that is none is not installed.
    let broken = server.data().join("broken");
    std::fs::create_dir_all(&broken).unwrap();
    for name in ["manifest.json", "adapter.py"] {
        let text = std::fs::read_to_string(Path::new(example).join(name)).unwrap();
        std::fs::write(broken.join(name), text.replace("\"object\"", "\"thing\"")).unwrap();
    }
    let data = server.data();
    let refused =
        ledger(&["adapters", "install", broken.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("config_schema"), "{refused:?}");
}

#[test]
fn a_package_takes_the_place_of_a_built_in_adapter_for_one_integration_alone() {
    if !Path::new("/usr/bin/python3").exists() {
        println!("skipped: no /usr/bin/python3 here to run the example adapter");
        return;
    }
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    secret(&server, "jira-token", super::stage::JIRA_TOKEN);
    for id in ["jira", "other"] {
        integrate(&server, id, "jira", &super::stage::jira_config(&vendors));
    }
    let running = |id: &str| server.get(&format!("/v1/integrations/{id}")).ok();
    let run = |id: &str| {
        let ran = server.post(&format!("/v1/integrations/{id}/runs/now"), &json!({ "what": "health" }));
        ran.ok()["health"]["product"].clone()
    };
    let upgrade = |id: &str, body: Value| server.post(&format!("/v1/integrations/{id}/upgrade"), &body);
    let own = run("jira");
    let nothing = upgrade("jira", json!({}));
    assert_eq!(nothing.status, 409, "nothing newer is installed: {}", nothing.text);
    // The example under the name of the built-in one; its third version is told something else.
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/adapter-python");
    for version in ["1.9.0", "1.10.0", "2.0.0"] {
        let folder = server.data().join(format!("package-{version}"));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["manifest.json", "adapter.py"] {
            let text = std::fs::read_to_string(example.join(name)).unwrap();
            let text = text.replace("http-sink", "jira").replace("1.0.0", version);
            let text = text.replace(
                r#"send("GET", "/health", "health")"#,
                r#"send("GET", "/rest/api/3/serverInfo", "health")"#,
            );
            let text = text.replace(r#"body.get("name")"#, r#"NAME + " " + VERSION"#);
            let text = text.replace(
                r#"if not isinstance(config.get("queue"), str) or not config["queue"]:"#,
                "if False:",
            );
            let free = if version == "2.0.0" { r#""required": ["queue"]"# } else { r#""required": []"# };
            let text = text.replace(r#""required": ["queue"]"#, free);
            let text = text.replace(r#""additionalProperties": false"#, r#""additionalProperties": true"#);
            std::fs::write(folder.join(name), text).unwrap();
        }
        adapters(&server, &["install", folder.to_str().unwrap()]);
    }
    assert_eq!(run("jira"), own, "what is installed is not used for that");
    // The newest that fits; the second version is newer than the first, and the third does not fit.
    let key = server.data().join("admin.key");
    let verb = |words: &[&str]| {
        let key = key.to_str().unwrap();
        let all = [&["adapters", "upgrade"], words, &["--url", &server.url, "--key-file", key]].concat();
        let output = ledger(&all);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    verb(&["jira"]);
    wait_for("the package", || (run("jira") == "jira 1.10.0").then_some(()));
    assert_eq!((running("jira")["chosen"].clone(), run("other")), (json!("1.10.0"), own.clone()));
    wait_for("the version in the registry", || {
        (running("jira")["adapter_version"] == "1.10.0").then_some(())
    });
    let misfit = upgrade("jira", json!({ "version": "2.0.0" }));
    assert_eq!(misfit.status, 409, "{}", misfit.text);
    assert!(misfit.text.contains("/adapter/queue"), "{}", misfit.text);
    assert_eq!(upgrade("jira", json!({ "version": "3.0.0" })).status, 409);
    verb(&["jira", "1.9.0"]);
    wait_for("the version that was named", || (run("jira") == "jira 1.9.0").then_some(()));
    verb(&["jira", "--back"]);
    wait_for("the way back", || (run("jira") == "jira 1.10.0").then_some(()));
    verb(&["jira", "--unpin"]);
    wait_for("the built-in one", || (run("jira") == own).then_some(()));
    server.post("/v1/integrations/jira/rollback", &json!({})).ok();
    wait_for("the way back from there", || (run("jira") == "jira 1.10.0").then_some(()));
    let events = server.get("/v1/events?type=ledger.integration.adapter_chosen.v1").ok();
    assert_eq!(events["items"].as_array().unwrap().len(), 5, "{events}");
}

#[test]
fn an_adapter_is_added_upgraded_and_rolled_back_without_touching_the_core() {
    if !Path::new("/usr/bin/python3").exists() {
        println!("skipped: no /usr/bin/python3 here to run the example adapter");
        return;
    }
    let (server, vendors) = (Server::start_with(&SETTINGS), Vendors::start());
    let sink = vendors.serve(Sink::new("sink-token"));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/adapter-python");
    assert_eq!(adapters(&server, &["install", example])["version"], "1.0.0");
    secret(&server, "sink-token", "sink-token");
    let auth = json!({ "bearer": { "token": { "secret": "sink-token" } } });
    let config = connection(&sink.url(), sink.address.port(), auth, json!({ "queue": "compliance" }));
    integrate(&server, "sink", "http-sink", &config);
    server.import_starter();
    route(&server, "sink");
    let control = first_control(&server);
    server.post("/v1/evidence", &evidence(&control, "fail")).ok();
    wait_for("the ticket", || (sink.fake.tickets().len() == 1).then_some(()));
    assert_eq!(sink.fake.tickets()[0]["queue"], "compliance");
    // An upgrade is a decision, taken up by the running ledger.
    let version = |server: &Server| server.get("/v1/integrations/sink").ok()["adapter_version"].clone();
    let source = upgraded(&server.data());
    adapters(&server, &["install", source.to_str().unwrap()]);
    assert_eq!(version(&server), "1.0.0");
    adapters(&server, &["pin", "http-sink", "1.1.0"]);
    wait_for("the upgrade", || (version(&server) == "1.1.0").then_some(()));
    server.post("/v1/evidence", &evidence(&control, "pass")).ok();
    wait_for("the ticket to be closed", || (sink.fake.tickets()[0]["status"] == "closed").then_some(()));
    adapters(&server, &["rollback", "http-sink"]);
    wait_for("the rollback", || (version(&server) == "1.0.0").then_some(()));
    // Files that are not those that were installed are not run.
    adapters(&server, &["pin", "http-sink", "1.1.0"]);
    let script = server.data().join("adapters/http-sink/1.1.0/adapter.py");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&script, "#!/usr/bin/python3\nraise SystemExit\n").unwrap();
    secret(&server, "sink-token", "sink-token");
    wait_for("the degradation", || degraded(&server, "sink").filter(|reason| reason == "configuration"));
}
