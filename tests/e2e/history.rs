//! Exported history: verified offline, equal to the server's read models, refused once anything is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_projections::LedgerModels;
use ledger_replay::{NoProgress, Options, Report, rebuild, verify};
use ledger_store::views::{TenantDigests, ViewStore};
use ledger_store_sqlite::SqliteViews;
use serde_json::{Value, json};

use super::bad_input::first_control;
use super::evidence::status_becomes;
use super::server::{Server, evidence, ledger, time, uuid};

const CANARY: &str = "canary-of-the-history";

/// All files below a directory, by their path in it.
pub fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                walk(root, &path, found);
            } else if kind.is_file() {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}

/// Are these bytes in there?
pub fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Exports with the verb; where the bundle is.
pub fn export(data: &Path, out: &Path, more: &[&str]) -> Value {
    let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
    let output = ledger(&[&["export", "--json", "--data", data, "--out", out], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn report(bundle: &Path, trust: Option<&Path>, since: Option<PathBuf>) -> Report {
    let policy = trust.map(Path::to_owned);
    verify(&Options { bundle: bundle.to_owned(), policy, since, ..Options::default() }, &NoProgress).unwrap()
}

/// Verifies with a trust file from outside of the bundle.
#[track_caller]
pub fn verified(bundle: &Path, trust: &Path) -> Report {
    let report = report(bundle, Some(trust), None);
    assert!(report.ok && report.trust.genesis_pinned, "{report:?}");
    report
}

/// A server with some history, its trust file and a place for bundles.
struct Told {
    dir: tempfile::TempDir,
    server: Server,
    trust: PathBuf,
    control: String,
}

impl Told {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start_in(dir.path());
        server.import_starter();
        let trust = dir.path().join("trust");
        fs::write(&trust, server.get("/v1/whoami").ok()["trust"].as_str().unwrap()).unwrap();
        let control = first_control(&server);
        Self { dir, server, trust, control }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn submit(&self, result: &str) -> Value {
        let mut body = evidence(&self.control, result);
        body["title"] = json!(format!("{CANARY} title"));
        body["findings"] = json!([{"what": format!("{CANARY} finding")}]);
        let blob = format!("{CANARY} blob");
        let blob =
            self.server.request("POST", "/v1/blobs", Some(&self.server.admin), Some(blob.as_bytes())).ok();
        body["blobs"] = json!([{"id": blob["id"], "name": "b", "media_type": "text/plain"}]);
        self.server.post("/v1/evidence", &body).ok()
    }

    /// Exports while the server runs.
    fn export(&self, name: &str, more: &[&str]) -> PathBuf {
        let out = self.dir.path().join(name);
        export(&self.data(), &out, more);
        out
    }
}

#[test]
fn an_export_verifies_while_serving_and_after_and_the_later_extends_the_earlier() {
    let told = Told::new();
    told.submit("pass");
    status_becomes(&told.server, &told.control, "pass");
    let first = told.export("first", &[]);
    let report_of_first = verified(&first, &told.trust);
    assert!(report_of_first.counts.disclosed > 0 && report_of_first.counts.blobs == 1, "{report_of_first:?}");
    told.submit("fail");
    status_becomes(&told.server, &told.control, "fail");
    let (dir, trust, data) = (told.dir, told.trust, told.server.data());
    assert_eq!(told.server.stop(), Some(0));
    let second = dir.path().join("second");
    export(&data, &second, &[]);
    let report = report(&second, Some(&trust), Some(first.join("checkpoint")));
    assert!(report.ok && report.since.as_ref().is_some_and(|since| since.consistent), "{report:?}");
    assert!(report.size > report_of_first.size);
    // What exists already is not written over.
    let again = ledger(&["export", "--data", data.to_str().unwrap(), "--out", second.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && told.contains("exists already"), "{told}");
    // The live store holds as well.
    let live = ledger(&["verify", "--json", "--data", data.to_str().unwrap()]);
    let live: Value = serde_json::from_slice(&live.stdout).unwrap();
    assert_eq!((&live["ok"], &live["failed"]), (&json!(true), &json!(0)), "{live}");
}

/// The digests of the read models that a stopped server left.
fn digests(data: &Path, tenant: &TenantId) -> TenantDigests {
    let views = SqliteViews::open(data, LedgerModels::schema().clone()).unwrap();
    views.current().unwrap().digests(tenant).unwrap()
}

#[test]
fn read_models_rebuilt_offline_equal_the_servers_and_tell_the_past() {
    let told = Told::new();
    let first = told.submit("pass");
    status_becomes(&told.server, &told.control, "pass");
    let between: Timestamp = time(0).parse().unwrap();
    told.submit("fail");
    status_becomes(&told.server, &told.control, "fail");
    let at = format!("/v1/controls/starter/{}?as_of={between}", told.control);
    let server_said = told.server.get(&at).ok();
    let tenant: TenantId = first["tenant"].as_str().unwrap().parse().unwrap();
    let (dir, control, data) = (told.dir, told.control, told.server.data());
    assert_eq!(told.server.stop(), Some(0));

    let left = digests(&data, &tenant);
    let bundle = dir.path().join("bundle");
    export(&data, &bundle, &[]);
    // The export's own events came later: the prefix up to what the server had folded.
    let rebuilt = rebuild(&bundle, Some(left.log.as_of), &NoProgress).unwrap();
    assert_eq!((rebuilt.log.size, &rebuilt.digests), (left.log.size, &left.digests));
    assert!(rebuilt.whole() && !rebuilt.digests.is_empty());
    // The control: another prefix has other digests.
    assert_ne!(rebuild(&bundle, Some(between), &NoProgress).unwrap().digests, left.digests);

    let past = ledger_replay::as_of(&bundle, between, Some(&control), &NoProgress).unwrap();
    let past = &past.controls[0];
    assert_eq!((past.status.as_str(), &server_said["status"]), ("pass", &json!("pass")));
    assert_eq!(past.evidence[0].evidence, first["evidence"].as_str().unwrap());
    assert_eq!(past.evidence[0].title.as_deref(), Some("canary-of-the-history title"));
}

/// Does a failure name the file, or an entry or stream in it?
fn named(report: &Report, file: &str) -> bool {
    let whole = report.failures.iter().any(|failure| {
        failure.file.as_deref() == Some(file) || failure.reason.contains(file) || failure.index.is_some()
    });
    !report.ok && report.failures_total > 0 && whole
}

/// What the verifier says, a directory that it cannot use at all included.
fn refused(bundle: &Path, trust: &Path, file: &str) -> bool {
    let options = Options { bundle: bundle.to_owned(), policy: Some(trust.to_owned()), ..Options::default() };
    match verify(&options, &NoProgress) {
        Ok(report) => named(&report, file),
        Err(error) => error.to_string().contains(file),
    }
}

#[test]
fn a_changed_removed_or_added_file_is_refused_and_named() {
    let told = Told::new();
    told.submit("pass");
    status_becomes(&told.server, &told.control, "pass");
    let bundle = told.export("bundle", &[]);
    verified(&bundle, &told.trust);
    // All bytes in the long run; some of each file otherwise.
    let places_max = if super::long() { usize::MAX } else { 12 };
    let mut flips = 0;
    for (name, bytes) in files(&bundle) {
        let path = bundle.join(&name);
        let step = (bytes.len() / places_max).max(1);
        for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).unwrap();
            assert!(refused(&bundle, &told.trust, &name), "{name}: byte {at}");
            flips += 1;
        }
        fs::remove_file(&path).unwrap();
        assert!(refused(&bundle, &told.trust, &name), "{name} removed");
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(refused(&bundle, &told.trust, &name), "{name} cut");
        fs::write(&path, &bytes).unwrap();
    }
    for added in ["more", "tile/0/001", "blobs/0000"] {
        let path = bundle.join(added);
        let made = !path.parent().unwrap().exists();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"x").unwrap();
        assert!(refused(&bundle, &told.trust, added), "{added} added");
        fs::remove_file(&path).unwrap();
        if made {
            fs::remove_dir(path.parent().unwrap()).unwrap();
        }
    }
    // The control: put back as it was, it verifies.
    verified(&bundle, &told.trust);
    println!("one bit changed at {flips} places of the export: all refused and named");
}

#[test]
fn a_pack_of_some_events_verifies_and_every_change_of_it_is_refused() {
    let told = Told::new();
    let first = told.submit("pass");
    status_becomes(&told.server, &told.control, "pass");
    told.submit("fail");
    status_becomes(&told.server, &told.control, "fail");
    let id = first["evidence"].as_str().unwrap();
    let index = first["index"].as_u64().unwrap();
    let rotated = told.server.post("/v1/keys/rotate", &json!({})).ok();
    let after = told.server.post("/v1/credentials", &json!({"role": "viewer"})).ok();
    let after = after["receipt"]["index"].as_u64().unwrap();
    let pack = told.export("pack", &["--events", &format!("{id},{after}")]);
    let report = verified(&pack, &told.trust);
    let proofs: Vec<String> = files(&pack).into_keys().filter(|name| name.starts_with("events/")).collect();
    for index in [0, index, rotated["receipt"]["index"].as_u64().unwrap(), after] {
        assert!(proofs.contains(&format!("events/{index}.tlog-proof")), "{index}: {proofs:?}");
    }
    assert_eq!(report.counts.entries, proofs.len() as u64);
    assert_eq!(report.counts.signatures, report.counts.entries);
    assert!(report.counts.disclosed >= 3 && report.counts.blobs == 1, "{report:?}");
    assert!(report.notes.iter().any(|note| note.starts_with("an evidence pack")), "{report:?}");
    let said = told_by(&pack);
    assert!(holds(&said, format!("{CANARY} finding").as_bytes()));
    // Redacted, it verifies as well and tells nothing; words that name nothing are refused.
    let redacted = told.export("redacted-pack", &["--redact", "--events", &index.to_string()]);
    assert!(verified(&redacted, &told.trust).counts.redacted > 0);
    assert!(!holds(&told_by(&redacted), CANARY.as_bytes()));
    for (word, words) in [("999999", "no entry"), (&*uuid(), "no evidence"), ("x", "neither the index")] {
        let (data, out) = (told.data(), told.dir.path().join("never"));
        let (data, out) = (data.to_str().unwrap(), out.to_str().unwrap());
        let output = ledger(&["export", "--data", data, "--out", out, "--events", word]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words) && !Path::new(out).exists(), "{said}");
    }
    let mut flips = 0;
    for (name, bytes) in files(&pack) {
        let path = pack.join(&name);
        let step = if super::long() { 1 } else { (bytes.len() / 40).max(1) };
        for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).unwrap();
            assert!(refused(&pack, &told.trust, &name), "{name}: byte {at}");
            flips += 1;
        }
        fs::remove_file(&path).unwrap();
        assert!(refused(&pack, &told.trust, &name), "{name} removed");
        fs::write(&path, &bytes).unwrap();
    }
    let foreign = fs::read(redacted.join(format!("events/{index}.tlog-proof"))).unwrap();
    for (added, bytes) in [("more", &b"x"[..]), ("events/999.tlog-proof", &foreign), ("tile/0/000", b"x")] {
        let path = pack.join(added);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        assert!(refused(&pack, &told.trust, added), "{added} added");
        fs::remove_file(&path).unwrap();
    }
    fs::remove_dir_all(pack.join("tile")).unwrap();
    verified(&pack, &told.trust);
    println!("one bit changed at {flips} places of the pack: all refused and named");
}

/// Everything that an export says, disclosures and entries decoded.
pub fn told_by(bundle: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, bytes) in files(bundle) {
        all.extend_from_slice(&bytes);
        if name != "disclosures.ndjson" {
            continue;
        }
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Value = serde_json::from_slice(line).unwrap();
            all.extend(ledger::b64::decode_url(line["disclosure"].as_str().unwrap()).unwrap());
        }
    }
    all
}

#[test]
fn a_redacted_export_verifies_and_tells_nothing_confidential() {
    let told = Told::new();
    told.submit("pass");
    let (open, redacted) = (told.export("open", &[]), told.export("redacted", &["--redact"]));
    for kind in ["title", "finding", "blob"] {
        assert!(holds(&told_by(&open), format!("{CANARY} {kind}").as_bytes()), "{kind}");
    }
    let report = verified(&redacted, &told.trust);
    assert!(report.counts.disclosed == 0 && report.counts.redacted > 0, "{report:?}");
    assert!(!holds(&told_by(&redacted), CANARY.as_bytes()));
    assert!(!files(&redacted).keys().any(|name| name.starts_with("blobs/")));
}

#[test]
fn exports_made_under_load_each_verify() {
    let told = Told::new();
    let stop = AtomicBool::new(false);
    let sizes = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                let items: Vec<Value> = (0..20).map(|_| evidence(&told.control, "pass")).collect();
                let answer = told.server.post("/v1/evidence/batch", &json!({"items": items})).ok();
                sent += answer["results"].as_array().unwrap().iter().filter(|r| r["status"] == 201).count();
            }
            sent
        });
        let names = ["one", "two", "three"];
        let exports = names.map(|name| scope.spawn(|| verified(&told.export(name, &[]), &told.trust).size));
        let sizes = exports.map(|export| export.join().unwrap());
        stop.store(true, Ordering::Relaxed);
        assert!(load.join().unwrap() > 0);
        sizes
    });
    let last = verified(&told.export("last", &[]), &told.trust).size;
    assert!(sizes.iter().all(|size| *size < last), "{sizes:?} {last}");
}
