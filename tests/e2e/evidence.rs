//! The main job: evidence becomes a signed event with a receipt and a proof, and shows in the read models.

use ledger::apikey::ApiKey;
use ledger::event::{EventHash, Header, parse_entry};
use ledger::http_signature::{Request, SignedHeaders, sign};
use ledger::keys::{PublicKey, verify_strict};
use ledger::policy::Policy;
use ledger::time::Timestamp;
use ledger::tlog_proof::TlogProof;
use serde_json::{Value, json};

use super::bad_input::first_control;
use super::server::{Answer, Server, evidence, json_headers, time, uuid, wait_for};

/// The control's status once it is `status`.
#[track_caller]
pub fn status_becomes(server: &Server, control: &str, status: &str) -> Value {
    wait_for(&format!("{control} to be {status}"), || {
        let control = server.get(&format!("/v1/controls/starter/{control}")).ok();
        (control["status"] == status).then_some(control)
    })
}

/// The proof of an entry, once a checkpoint covers it.
fn proof(server: &Server, index: &Value) -> TlogProof {
    let text = wait_for("a checkpoint over the entry", || {
        let answer = server.get(&format!("/v1/events/{index}/proof"));
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
        (answer.status == 200).then_some(answer.text)
    });
    TlogProof::parse(text.as_bytes()).unwrap()
}

/// The log's first key, believed because the trust file pins its genesis.
fn pinned_key(server: &Server, trust: &Policy) -> PublicKey {
    let keys = server.get("/v1/keys").ok();
    let genesis = ledger::b64::decode(keys["entries"][0].as_str().unwrap()).unwrap();
    let genesis = parse_entry(&genesis).unwrap();
    assert_eq!(EventHash::of(&genesis.header).0, *trust.genesis().unwrap());
    let header = Header::parse(&genesis.header).unwrap();
    let data: ledger::epochs::Genesis = serde_json::from_slice(header.data).unwrap();
    PublicKey::from_bytes(&ledger::b64::decode_array(&data.key).unwrap()).unwrap()
}

fn signed_by(entry: &[u8], key: &PublicKey) -> bool {
    let Ok(entry) = parse_entry(entry) else { return false };
    verify_strict(key, &ledger::dsse::pae(ledger::dsse::PAYLOAD_TYPE, &entry.header), &entry.signature)
        .is_ok()
}

#[test]
fn a_receipt_and_a_proof_convince_without_the_ledger() {
    let server = Server::with_starter();
    let body = evidence(&first_control(&server), "pass");
    let receipt = server.post("/v1/evidence", &body).ok();
    assert_eq!((&receipt["evidence"], &receipt["recorded_result"]), (&body["id"], &json!("pass")));
    let trust: Policy = server.get("/v1/whoami").ok()["trust"].as_str().unwrap().parse().unwrap();
    let key = pinned_key(&server, &trust);

    let entry = ledger::b64::decode(receipt["entry"].as_str().unwrap()).unwrap();
    assert!(signed_by(&entry, &key));
    let parsed = parse_entry(&entry).unwrap();
    let header = Header::parse(&parsed.header).unwrap();
    assert_eq!(header.stream.to_string(), format!("evidence-{}", body["id"].as_str().unwrap()));
    assert_eq!((header.tenant.to_string(), header.seq), (receipt["tenant"].as_str().unwrap().to_owned(), 0));
    let data: Value = serde_json::from_slice(header.data).unwrap();
    assert_eq!((&data["result"], &data["checked"]), (&json!("pass"), &json!(3)));
    assert!(data.get("title").is_none() && data.get("findings").is_none(), "confidential: {data}");

    let proof = proof(&server, &receipt["index"]);
    let (checkpoint, note) = proof.verify_path().unwrap();
    trust.verify_log(&checkpoint, &note).unwrap();
    assert_eq!((&proof.entry, json!(proof.index)), (&entry, receipt["index"].clone()));

    // The controls: one changed byte, another place, another log's trust file.
    let mut changed = entry.clone();
    let at = entry.len() / 2;
    changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
    assert!(!signed_by(&changed, &key));
    assert!(TlogProof { entry: changed, ..proof.clone() }.verify_path().is_err());
    assert!(TlogProof { index: proof.index - 1, ..proof }.verify_path().is_err());
    let other: Policy = Server::tenant().get("/v1/whoami").ok()["trust"].as_str().unwrap().parse().unwrap();
    assert!(other.verify_log(&checkpoint, &note).is_err());
}

#[test]
fn evidence_changes_the_status_its_history_and_the_scorecard() {
    let server = Server::with_starter();
    let control = first_control(&server);
    let before = time(0);
    let first = evidence(&control, "pass");
    server.post("/v1/evidence", &first).ok();
    status_becomes(&server, &control, "pass");
    let between = time(0);
    let second = evidence(&control, "fail");
    server.post("/v1/evidence", &second).ok();
    let now = status_becomes(&server, &control, "fail");
    assert_eq!(now["source_results"][0]["evidence"], second["id"], "{now}");

    let history = server.get(&format!("/v1/controls/starter/{control}/history")).ok();
    let changes: Vec<&Value> =
        history["items"].as_array().unwrap().iter().filter(|c| c["change"] == "status_changed").collect();
    let change = |at: usize| (&changes[at]["status"], &changes[at]["evidence"]);
    assert_eq!(change(0), (&json!("fail"), &second["id"]), "{history}");
    assert_eq!(change(1), (&json!("pass"), &first["id"]), "{history}");

    let at = |time: &str| server.get(&format!("/v1/controls/starter/{control}?as_of={time}")).ok();
    assert_eq!(at(&before)["status"], "unknown");
    assert_eq!((&at(&between)["status"], &at(&between)["evidence"]), (&json!("pass"), &first["id"]));
    assert_eq!(at(&time(1))["status"], "fail");

    let card = &server.get("/v1/scorecards").ok()["items"][0];
    let total = card["total"].as_u64().unwrap();
    assert_eq!((&card["fail"], &card["pass"], &card["unknown"]), (&json!(1), &json!(0), &json!(total - 1)));

    // A late report of an older observation is kept, and changes nothing.
    let mut late = evidence(&control, "pass");
    (late["observed_from"], late["observed_to"]) = (json!(time(-60)), json!(time(-60)));
    server.post("/v1/evidence", &late).ok();
    wait_for("the late evidence", || {
        (server.get(&format!("/v1/evidence/{}", late["id"].as_str().unwrap())).status == 200).then_some(())
    });
    assert_eq!(status_becomes(&server, &control, "fail")["source_results"][0]["evidence"], second["id"]);
}

#[test]
fn a_client_that_names_its_receipt_reads_its_own_writes() {
    let server = Server::with_starter();
    let control = first_control(&server);
    let ask = |path: &str, index: &str| {
        let mut headers = json_headers(&server.admin);
        headers.push(("ledger-min-index".to_owned(), index.to_owned()));
        server.raw("GET", path, &headers, None)
    };
    for _ in 0..30 {
        let body = evidence(&control, "pass");
        let receipt = server.post("/v1/evidence", &body).ok();
        let path = format!("/v1/evidence/{}", body["id"].as_str().unwrap());
        assert_eq!(ask(&path, &receipt["index"].to_string()).status, 200);
    }
    assert_eq!(ask("/v1/evidence", "1000000").problem(), "invalid");
    assert_eq!(ask("/v1/evidence", "last").problem(), "malformed");
}

#[test]
fn a_pass_of_nothing_is_recorded_as_inconclusive() {
    let server = Server::with_starter();
    let control = first_control(&server);
    let mut body = evidence(&control, "pass");
    body["checked"] = json!(0);
    let receipt = server.post("/v1/evidence", &body).ok();
    assert_eq!(receipt["recorded_result"], "inconclusive");
    status_becomes(&server, &control, "inconclusive");
    let kept = server.get(&format!("/v1/evidence/{}", body["id"].as_str().unwrap())).ok();
    assert_eq!((&kept["result"], &kept["reported_result"]), (&json!("inconclusive"), &json!("pass")));
}

#[test]
fn a_control_goes_stale_by_itself_and_raises_an_alert() {
    let server = Server::with_starter();
    first_control(&server);
    let controls = server.get("/v1/controls?framework=starter&limit=2").ok();
    let name = |at: usize| controls["items"][at]["control"].as_str().unwrap();
    let (missed, kept) = (name(0), name(1));
    let mut short = evidence(missed, "pass");
    short["cadence_seconds"] = json!(1);
    server.post("/v1/evidence", &short).ok();
    server.post("/v1/evidence", &evidence(kept, "pass")).ok();
    let stale = status_becomes(&server, missed, "stale");
    assert_eq!(stale["worst"], "pass", "what was known last is kept: {stale}");

    let subject = format!("control-starter.{missed}");
    let find = |state: &str| {
        let alerts = server.get("/v1/alerts").ok();
        let items = alerts["items"].as_array().unwrap();
        items.iter().find(|alert| alert["subject"] == subject && alert["state"] == state).cloned()
    };
    let alert = wait_for("the alert", || find("open"));
    assert_eq!(alert["kind"], "control_stale");
    let events = |kind: &str| server.get(&format!("/v1/events?type={kind}")).ok();
    let gone = events("ledger.control.went_stale.v1");
    let raised = events("ledger.alert.raised.v1");
    assert_eq!(raised["items"][0]["cause"], gone["items"][0]["id"], "{raised}");
    status_becomes(&server, kept, "pass");

    // New evidence ends both.
    server.post("/v1/evidence", &evidence(missed, "pass")).ok();
    status_becomes(&server, missed, "pass");
    wait_for("the end of the alert", || find("resolved"));
}

#[test]
fn files_are_kept_encrypted_named_by_evidence_and_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    server.import_starter();
    let content: Vec<u8> = b"CANARY-OF-A-BLOB ".iter().copied().cycle().take(3 << 20).collect();
    let upload = |bytes: &[u8]| server.request("POST", "/v1/blobs", Some(&server.admin), Some(bytes));
    let (first, again) = (upload(&content), upload(&content));
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.json["id"], again.json["id"]);
    let mut body = evidence(&first_control(&server), "pass");
    body["blobs"] = json!([{"id": first.json["id"], "name": "log.txt", "media_type": "text/plain"}]);
    server.post("/v1/evidence", &body).ok();
    let back = server.get(&format!("/v1/blobs/{}", first.json["id"].as_str().unwrap()));
    assert_eq!((back.status, back.text.as_bytes() == content), (200, true));
    assert_eq!(back.headers["content-disposition"], "attachment");

    body["id"] = json!(uuid());
    body["blobs"][0]["id"] = json!("0".repeat(32));
    let unknown = server.post("/v1/evidence", &body);
    assert_eq!(
        (unknown.problem(), &unknown.json["errors"][0]["pointer"]),
        ("invalid", &json!("/blobs/0/id"))
    );
    assert_eq!(upload(b"").problem(), "invalid");
    assert_eq!(server.stop(), Some(0));
    for (name, bytes) in super::history::files(&dir.path().join("data")) {
        assert!(!super::history::holds(&bytes, b"CANARY-OF-A-BLOB"), "{name} holds the file in clear");
    }
}

/// A request signed with the key's own Ed25519 key (RFC 9421).
struct Signed<'a> {
    server: &'a Server,
    key: ApiKey,
}

impl Signed<'_> {
    fn headers(&self, method: &str, path: &str, body: &[u8], offset_seconds: i64) -> SignedHeaders {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let created: Timestamp = time(offset_seconds).parse().unwrap();
        let request = Request { method, path, query, body };
        sign(&request, self.key.id(), &self.key.request_key(), created, &uuid())
    }

    fn send(&self, method: &str, path: &str, body: &[u8], headers: &SignedHeaders) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("content-digest", &headers.content_digest),
            ("signature-input", &headers.signature_input),
            ("signature", &headers.signature),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.server.raw(method, path, &headers, Some(body).filter(|body| !body.is_empty()))
    }

    fn ask(&self, method: &str, path: &str, body: &[u8], offset_seconds: i64) -> Answer {
        self.send(method, path, body, &self.headers(method, path, body, offset_seconds))
    }
}

#[test]
fn signed_requests_are_taken_within_the_window_and_only_as_signed() {
    let server = Server::with_starter();
    let signed = Signed { server: &server, key: ApiKey::parse(&server.admin).unwrap() };
    let body = evidence(&first_control(&server), "pass").to_string().into_bytes();
    let other = evidence(&first_control(&server), "fail").to_string().into_bytes();
    let headers = signed.headers("POST", "/v1/evidence", &body, 0);
    let refused = |answer: Answer| {
        assert_eq!((answer.status, answer.problem()), (401, "unauthenticated"), "{}", answer.text);
    };
    refused(signed.send("POST", "/v1/evidence", &other, &headers));
    refused(signed.send("POST", "/v1/evidence/batch", &body, &headers));
    refused(signed.send("POST", "/v1/evidence?x=1", &body, &headers));
    let mut forged = headers.clone();
    forged.signature_input = headers.signature_input.replace(signed.key.id(), "0123456789abcdef");
    refused(signed.send("POST", "/v1/evidence", &body, &forged));
    assert_eq!(signed.send("POST", "/v1/evidence", &body, &headers).status, 201);
    // Replayed within the window it changes nothing.
    assert_eq!(signed.send("POST", "/v1/evidence", &body, &headers).status, 200);
    assert_eq!(signed.ask("GET", "/v1/evidence?limit=1", b"", 0).status, 200);

    for offset in [-301, 301] {
        let skewed = signed.ask("POST", "/v1/evidence", &body, offset);
        assert_eq!((skewed.status, skewed.problem()), (401, "clock-skew"), "{}", skewed.text);
        let told: Timestamp = skewed.headers["ledger-time"].to_str().unwrap().parse().unwrap();
        let now: Timestamp = time(0).parse().unwrap();
        assert!((now.micros() - told.micros()).abs() < 60_000_000, "{told}");
    }
    assert_eq!(signed.ask("POST", "/v1/evidence", &body, -290).status, 200);
    // What a repetition would change takes a bearer key only.
    let manage = signed.ask("POST", "/v1/credentials", b"{\"role\":\"viewer\"}", 0);
    assert_eq!((manage.status, manage.problem()), (403, "forbidden"), "{}", manage.text);
}
