//! Keys: roles, rotation with overlap, revocation, and what a wrong one is told.

use serde_json::json;

use super::server::{Server, evidence, time, wait_for};

#[test]
fn a_wrong_key_is_refused_and_told_apart_only_where_that_leaks_nothing() {
    let server = Server::tenant();
    let ask = |key: Option<&str>| server.request("GET", "/v1/credentials", key, None);
    assert_eq!(ask(None).problem(), "unauthenticated");
    let mut mistyped = server.admin.clone();
    mistyped.replace_range(30..31, if mistyped.as_bytes()[30] == b'0' { "1" } else { "0" });
    let answer = ask(Some(&mistyped));
    assert_eq!(answer.status, 401);
    assert!(answer.json["detail"].as_str().unwrap().contains("checksum"), "{}", answer.text);
    let stranger =
        ledger::apikey::ApiKey::generate(ledger::apikey::Environment::Live, &ledger::clock::OsEntropy);
    let unknown = ask(Some(&stranger.expose()));
    assert_eq!(unknown.status, 401);
    assert!(unknown.headers.contains_key("www-authenticate"));
}

#[test]
fn each_role_may_do_its_own_work_and_nothing_else() {
    let server = Server::with_starter();
    let control = super::bad_input::first_control(&server);
    let (probe, viewer) = (server.key("probe"), server.key("viewer"));
    let body = evidence(&control, "pass").to_string();
    let submit = |key: &str| server.request("POST", "/v1/evidence", Some(key), Some(body.as_bytes())).status;
    let read = |key: &str| server.request("GET", "/v1/evidence", Some(key), None).status;
    let make = |key: &str| {
        server
            .request("POST", "/v1/credentials", Some(key), Some(b"{\"role\":\"admin\",\"label\":\"x\"}"))
            .status
    };
    assert_eq!((submit(&viewer), submit(&probe)), (403, 201));
    assert_eq!((read(&probe), read(&viewer)), (403, 200));
    assert_eq!((make(&probe), make(&viewer), make(&server.admin)), (403, 403, 201));
}

#[test]
fn a_key_that_was_made_for_one_probe_speaks_for_no_other() {
    let server = Server::with_starter();
    for id in ["one", "two"] {
        server.post("/v1/probes", &json!({"id": id, "kind": "linux-host", "cadence_seconds": 60})).ok();
    }
    let made = server.post("/v1/credentials", &json!({"role": "probe", "probe": "one"})).ok();
    let key = made["key"].as_str().unwrap();
    let ask = |path: &str, body: &serde_json::Value| {
        server.request("POST", path, Some(key), Some(body.to_string().as_bytes())).status
    };
    let beat = json!({"sent_at": time(0), "cadence_seconds": 60});
    assert!(matches!(ask("/v1/probes/one/heartbeat", &beat), 200 | 201));
    assert_eq!(ask("/v1/probes/two/heartbeat", &beat), 403);
    for (probe, status) in [("two", 403), ("one", 201)] {
        let mut body = evidence(&super::bad_input::first_control(&server), "pass");
        body["probe"] = json!(probe);
        assert_eq!(ask("/v1/evidence", &body), status, "{probe}");
    }
}

#[test]
fn rotation_overlaps_and_revocation_is_immediate() {
    let server = Server::tenant();
    let made = server.post("/v1/credentials", &json!({"role": "viewer", "label": "r"})).ok();
    let (id, old) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let read = |key: &str| server.request("GET", "/v1/whoami", Some(key), None).status;
    let rotated =
        server.post(&format!("/v1/credentials/{id}/rotate"), &json!({"overlap_seconds": 3600})).ok();
    let new = rotated["key"].as_str().unwrap();
    assert_eq!((read(old), read(new)), (200, 200));
    let again = server.post(&format!("/v1/credentials/{id}/rotate"), &json!({"overlap_seconds": 0})).ok();
    let newest = again["key"].as_str().unwrap();
    assert_eq!((read(old), read(new), read(newest)), (401, 401, 200));
    server.post(&format!("/v1/credentials/{id}/revoke"), &json!({"reason": "compromised"})).ok();
    let refused = server.request("GET", "/v1/whoami", Some(newest), None);
    assert_eq!(refused.status, 401);
    assert!(refused.json["detail"].as_str().unwrap().contains("revoked"), "{}", refused.text);
    assert_eq!(server.post(&format!("/v1/credentials/{id}/rotate"), &json!({})).problem(), "conflict");
}

#[test]
fn a_key_that_has_expired_says_so() {
    let server = Server::tenant();
    let body = |expires_at: String| json!({"role": "viewer", "label": "short", "expires_at": expires_at});
    let refused = server.post("/v1/credentials", &body(time(-60)));
    assert_eq!((refused.status, refused.problem()), (422, "invalid"), "{}", refused.text);
    let made = server.post("/v1/credentials", &body(time(2))).ok();
    let ask = || server.request("GET", "/v1/whoami", made["key"].as_str(), None);
    assert_eq!(ask().status, 200);
    let refused = wait_for("the key to expire", || Some(ask()).filter(|answer| answer.status != 200));
    assert_eq!(refused.problem(), "unauthenticated");
    assert!(refused.json["detail"].as_str().unwrap().contains("expired"), "{}", refused.text);
}

#[test]
fn secrets_survive_a_restart_and_are_not_in_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    let key = server.key("viewer");
    assert_eq!(server.stop(), Some(0));
    let server = Server::start_in(dir.path());
    assert_eq!(server.request("GET", "/v1/whoami", Some(&key), None).status, 200);
    let secret = &key[26..90];
    for file in std::fs::read_dir(server.data()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(64).any(|w| w == secret.as_bytes()), "{}", path.display());
        }
    }
}
