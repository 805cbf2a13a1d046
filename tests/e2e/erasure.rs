//! Erasing a data subject: the bytes are gone from every file, the history still verifies, a hold forbids it, and a backup
//! brings nothing back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use super::history::{export, files, holds, told_by, verified};
use super::server::{Answer, Server, json_headers, ledger};

const CANARY: &str = "canary-of-a-person@example.org";

/// A ledger that knows a person: the contact of a tenant, in the log of `system`.
struct Known {
    dir: tempfile::TempDir,
    subject: String,
    /// What lies on the disk for this person: the ciphertext and the wrapped key.
    secrets: Vec<Vec<u8>>,
}

impl Known {
    fn new() -> (Self, Server) {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start_in(dir.path());
        let made = server.post("/v1/tenants", &json!({"name": "theirs", "contact": CANARY})).ok();
        let subject = made["contact_subject"].as_str().unwrap().to_owned();
        let mut this = Self { dir, subject, secrets: Vec::new() };
        this.secrets = this.kept();
        assert_eq!(this.secrets.len(), 2);
        (this, server)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn kept(&self) -> Vec<Vec<u8>> {
        kept(&self.data().join("events.db"), &self.subject)
    }

    /// The files that hold any of the person's bytes.
    fn found(&self) -> Vec<String> {
        found(&self.data(), &self.secrets)
    }

    /// A request in the log of `system`.
    fn ask(&self, server: &Server, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut headers = json_headers(&server.admin);
        headers.push(("ledger-tenant".to_owned(), "system".to_owned()));
        let body = body.map(|body| body.to_string().into_bytes());
        server.raw(method, &path.replace("{id}", &self.subject), &headers, body.as_deref())
    }

    fn erase(&self, server: &Server) -> Answer {
        self.ask(server, "POST", "/v1/subjects/{id}/erase", Some(&json!({})))
    }

    /// The log of `system`, exported.
    fn export(&self, name: &str) -> PathBuf {
        let out = self.dir.path().join(name);
        export(&self.data(), &out, &["--tenant", "system"]);
        out
    }
}

/// What a database keeps of a subject.
fn kept(database: &Path, subject: &str) -> Vec<Vec<u8>> {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT ciphertext FROM disclosures WHERE subject = ?1
               UNION ALL SELECT wrapped FROM secrets WHERE kind = 'subject-data-key' AND id = ?1";
    let mut query = db.prepare(sql).unwrap();
    query.query_map([subject], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn found(dir: &Path, secrets: &[Vec<u8>]) -> Vec<String> {
    let any =
        |bytes: &[u8]| secrets.iter().any(|secret| holds(bytes, secret)) || holds(bytes, CANARY.as_bytes());
    files(dir).into_iter().filter(|(_, bytes)| any(bytes)).map(|(name, _)| name).collect()
}

#[test]
fn an_erased_person_is_in_no_file_and_the_history_still_verifies() {
    let (known, server) = Known::new();
    let trust = known.dir.path().join("trust");
    let who = known.ask(&server, "GET", "/v1/whoami", None).ok();
    fs::write(&trust, who["trust"].as_str().unwrap()).unwrap();
    // The control: before, the bytes are there, and an export tells them.
    assert!(!known.found().is_empty());
    let before = known.export("before");
    assert_eq!(verified(&before, &trust).counts.erased, 0);
    assert!(holds(&told_by(&before), CANARY.as_bytes()));
    // The control of the control: a deletion that does not overwrite leaves bytes behind, and the search sees them.
    let loose = known.dir.path().join("loose");
    fs::create_dir(&loose).unwrap();
    for (name, bytes) in files(&known.data()).into_iter().filter(|(name, _)| name.starts_with("events.db")) {
        fs::write(loose.join(name), bytes).unwrap();
    }
    let db = Connection::open(loose.join("events.db")).unwrap();
    db.pragma_update(None, "secure_delete", false).unwrap();
    db.execute("DELETE FROM disclosures WHERE subject = ?1", [&known.subject]).unwrap();
    drop(db);
    assert!(!found(&loose, &known.secrets).is_empty(), "the search would not notice bytes that stay behind");

    let erased = known.erase(&server);
    assert_eq!((erased.status, &erased.json["members"]), (201, &json!(1)), "{}", erased.text);
    assert_eq!(known.found(), Vec::<String>::new());
    assert!(known.kept().is_empty());
    let after = known.export("after");
    let report = verified(&after, &trust);
    assert_eq!((report.counts.erased, report.erasures.len()), (1, 1), "{report:?}");
    assert!(!holds(&told_by(&after), CANARY.as_bytes()));
    let again = known.erase(&server);
    assert_eq!((again.status, &again.json["members"]), (200, &json!(0)), "{}", again.text);
    let other = known.ask(&server, "POST", "/v1/subjects/no-such/erase", Some(&json!({})));
    assert_eq!((other.status, other.problem()), (404, "not-found"), "{}", other.text);
    assert_eq!(server.stop(), Some(0));
    assert_eq!(known.found(), Vec::<String>::new());
    let live = ledger(&["verify", "--json", "--data", known.data().to_str().unwrap()]);
    assert!(live.status.success(), "{}", String::from_utf8_lossy(&live.stdout));
}

#[test]
fn a_hold_forbids_erasure_and_says_until_when() {
    let (known, server) = Known::new();
    let hold = |body: Value| known.ask(&server, "POST", "/v1/subjects/{id}/hold", Some(&body));
    assert_eq!(hold(json!({"reason": "a litigation", "until": "then"})).problem(), "invalid");
    hold(json!({"reason": "a litigation", "until": "2099-01-01T00:00:00Z"})).ok();
    for _ in 0..2 {
        let refused = known.erase(&server);
        assert_eq!((refused.status, refused.problem()), (409, "conflict"), "{}", refused.text);
        assert!(refused.json["detail"].as_str().unwrap().contains("until 2099-01-01"), "{}", refused.text);
    }
    let verb = ["erase", "--tenant", "system", "--subject", &known.subject, "--data"];
    let output = ledger(&[&verb[..], &[known.data().to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("held until 2099") && said.contains("release"),
        "{said}"
    );
    assert_eq!(known.kept(), known.secrets);
    // A refused erasure is not made up for by the next start.
    assert_eq!(server.stop(), Some(0));
    let server = Server::start_in(known.dir.path());
    assert_eq!(known.kept(), known.secrets);
    known.ask(&server, "POST", "/v1/subjects/{id}/release", Some(&json!({}))).ok();
    let output = ledger(&[&verb[..], &[known.data().to_str().unwrap(), "--json"]].concat());
    let erased: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&erased["members"], known.kept().len()), (&json!(1), 0), "{erased}");
    let gone = known.ask(&server, "POST", "/v1/subjects/{id}/hold", Some(&json!({"reason": "too late"})));
    assert_eq!(gone.status, 409, "{}", gone.text);
}

#[test]
fn a_restored_backup_is_erased_again_before_it_serves() {
    let (known, server) = Known::new();
    assert_eq!(server.stop(), Some(0));
    let backup: BTreeMap<String, Vec<u8>> =
        files(&known.data()).into_iter().filter(|(name, _)| name != "head").collect();
    let server = Server::start_in(known.dir.path());
    known.erase(&server).ok();
    assert_eq!(server.stop(), Some(0));
    // The backup comes back; head file and erasure list were never part of it.
    for name in files(&known.data()).keys().filter(|name| !["head", "erasures"].contains(&name.as_str())) {
        fs::remove_file(known.data().join(name)).unwrap();
    }
    for (name, bytes) in &backup {
        fs::write(known.data().join(name), bytes).unwrap();
    }
    assert_eq!(known.kept(), known.secrets);
    let recovered = ledger(&["recover", "--accept-loss", "--data", known.data().to_str().unwrap()]);
    assert!(recovered.status.success(), "{}", String::from_utf8_lossy(&recovered.stderr));
    // The control: without the list the person is back.
    let list = format!("LEDGER_DATA_ERASURE_LIST={}", known.dir.path().join("none").display());
    let server = Server::try_start(&["env", &list], known.dir.path()).unwrap();
    assert_eq!(known.kept(), known.secrets);
    assert_eq!(server.stop(), Some(0));
    let server = Server::start_in(known.dir.path());
    assert!(known.kept().is_empty());
    assert_eq!(known.found(), Vec::<String>::new());
    let events = known.ask(&server, "GET", "/v1/events?limit=20", None).ok();
    assert!(events.to_string().contains("ledger.subject.erased.v1"), "{events}");
    assert_eq!(server.stop(), Some(0));
    // A list that cannot be read is no reason to guess.
    fs::write(known.data().join("erasures"), "x\n").unwrap();
    let said = Server::try_start(&[], known.dir.path()).map(drop).unwrap_err();
    assert!(said.contains("erasures, line 1"), "{said}");
}
