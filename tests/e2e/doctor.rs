//! `ledger doctor`: each planted fault is found, and what is well is not called ill.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::history::files;
use super::server::{Server, ledger_with, wait_for};

/// What it said.
pub struct Told {
    pub code: Option<i32>,
    text: String,
    json: Value,
}

impl Told {
    pub fn by(args: &[&str], settings: &[(&str, &str)]) -> Self {
        let run = |more: &[&str]| -> Output { ledger_with(&[&["doctor"], args, more].concat(), settings) };
        // A lease may end between the two: then both are asked again.
        let mut pairs = (0..3).map(|_| (run(&[]), run(&["--json"])));
        let (text, as_json) =
            pairs.find(|(text, json)| text.status == json.status).expect("both say the same");
        assert_eq!(text.status.code(), as_json.status.code(), "{text:?} {as_json:?}");
        let json: Value = serde_json::from_slice(&as_json.stdout).unwrap_or_else(|_| panic!("{as_json:?}"));
        assert_eq!(json["ok"] == true, text.status.code() == Some(0), "{text:?}");
        Self { code: text.status.code(), text: String::from_utf8(text.stdout).unwrap(), json }
    }

    /// All of it, as a person reads it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Of a data directory of an embedded ledger.
    fn of(data: &Path) -> Self {
        Self::by(&["--data", data.to_str().unwrap()], &[])
    }

    /// A finding of this check at this level has these words.
    #[track_caller]
    pub fn says(&self, check: &str, level: &str, words: &str) -> &Self {
        let findings = self.json["findings"].as_array().unwrap();
        let fits = |finding: &&Value| {
            let told = format!("{}; {}", finding["found"], finding["mend"]);
            finding["check"] == check && finding["level"] == level && told.contains(words)
        };
        assert!(findings.iter().any(|finding| fits(&finding)), "{check} {level} {words}:\n{}", self.text);
        self
    }

    #[track_caller]
    pub fn is_well(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.text);
        assert!(!self.text.contains("FAIL"), "{}", self.text);
        self
    }

    #[track_caller]
    pub fn fails(&self, check: &str, words: &str) {
        assert_eq!(self.code, Some(1), "{}", self.text);
        self.says(check, "fail", words);
    }
}

/// All files of a directory but the socket, with their modes. Readers mark their places in SQLite's shared memory.
fn state(dir: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode();
    let bytes = |name: &str, bytes| if name.ends_with("-shm") { Vec::new() } else { bytes };
    files(dir).into_iter().map(|(name, all)| (name.clone(), (mode(&name), bytes(&name, all)))).collect()
}

/// The files of the database: what is not moved into it yet lies beside it.
fn database(data: &Path) -> BTreeMap<String, Vec<u8>> {
    files(data).into_iter().filter(|(name, _)| name.starts_with("events.db")).collect()
}

/// Puts a database into the place of another.
fn put(data: &Path, whole: &BTreeMap<String, Vec<u8>>) {
    database(data).keys().for_each(|name| fs::remove_file(data.join(name)).unwrap());
    whole.iter().for_each(|(name, bytes)| fs::write(data.join(name), bytes).unwrap());
}

#[test]
fn an_embedded_ledger_is_well_beside_its_server_and_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    server.import_starter();
    wait_for("the read models", || server.caught_up());
    let data = server.data();
    let running = Told::of(&data);
    running.is_well().says("server", "ok", "is ready").says("store", "ok", "events in 2 logs");
    for check in
        ["settings", "directory", "key file", "head file", "clock", "read models", "sandbox", "witnesses"]
    {
        assert!(running.text.contains(check), "{check}: {}", running.text);
    }
    // The server was not disturbed, and goes on.
    server.key("viewer");
    assert_eq!(server.stop(), Some(0));
    let before = state(&data);
    Told::of(&data).is_well().says("server", "ok", "none runs");
    assert!(state(&data) == before, "it changed something: {:?}", state(&data).keys());
}

#[test]
fn faults_of_an_embedded_ledger_are_named() {
    let nothing = tempfile::tempdir().unwrap();
    let absent = nothing.path().join("data");
    Told::of(&absent).fails("directory", "ledger serve");
    assert!(!absent.exists(), "it makes nothing");

    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    let data = server.data();
    assert_eq!(server.stop(), Some(0));
    let whole = files(&data);
    let restore = || whole.iter().for_each(|(name, bytes)| fs::write(data.join(name), bytes).unwrap());
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();

    mode(&data, 0o755);
    Told::of(&data).fails("directory", "chmod 0700");
    mode(&data, 0o700);
    mode(&data.join("kek"), 0o644);
    Told::of(&data).fails("key file", "chmod 0600");
    mode(&data.join("kek"), 0o600);

    fs::remove_file(data.join("kek")).unwrap();
    Told::of(&data).fails("key file", "is missing");
    fs::write(data.join("kek"), "12\n").unwrap();
    mode(&data.join("kek"), 0o600);
    Told::of(&data).fails("key file", "64 hex digits");
    // Another key: neither the store's secrets nor the head file are under it.
    fs::write(data.join("kek"), "ab".repeat(32)).unwrap();
    let other = Told::of(&data);
    other.fails("key file", "does not fit the store");
    other.fails("head file", "cannot be trusted");
    restore();

    fs::remove_file(data.join("head")).unwrap();
    Told::of(&data).fails("head file", "is missing");
    restore();
    put(&data, &BTreeMap::from([("events.db".to_owned(), vec![0; 4096])]));
    Told::of(&data).fails("store", "damaged");
    restore();
    Told::of(&data).is_well();
}

#[test]
fn a_database_that_went_back_is_noticed_before_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    let data = server.data();
    assert_eq!(server.stop(), Some(0));
    let old = database(&data);
    let server = Server::start_in(dir.path());
    server.key("viewer");
    assert_eq!(server.stop(), Some(0));
    let newest = database(&data);
    put(&data, &old);
    Told::of(&data).fails("head file", "the head file says");
    put(&data, &newest);
    Told::of(&data).is_well();
}

#[test]
fn settings_that_are_wrong_or_differ_are_told_together() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.toml");
    let config = file.to_str().unwrap().to_owned();
    fs::write(&file, "[server]\nlistne = 1\n[store]\nurk = 2\n").unwrap();
    let wrong = Told::by(&["--config", &config], &[]);
    wrong.fails("settings", "server.listne");
    wrong.fails("settings", "store.urk");

    let server = Server::start_in(dir.path());
    let data = server.data();
    assert_eq!(server.stop(), Some(0));
    fs::write(&file, "[log]\nlevel = \"debug\"\n").unwrap();
    let args = ["--config", &config, "--data", data.to_str().unwrap()];
    let differing = Told::by(&args, &[("LEDGER_SEVER_LISTEN", "x")]);
    differing.is_well().says("settings", "ok", "log.level").says(
        "settings",
        "warn",
        "LEDGER_SEVER_LISTEN sets nothing",
    );
}

#[test]
fn a_server_that_stands_still_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    let pid = rustix::process::Pid::from_raw(i32::try_from(server.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let told = Told::of(&server.data());
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    told.fails("server", "has not answered");
    Told::of(&server.data()).is_well();
}

#[test]
fn a_clock_that_is_wrong_is_told() {
    use std::process::Command;
    let Ok(library) = Command::new("faketime").args(["-f", "-1d", "printenv", "LD_PRELOAD"]).output() else {
        println!("left out: faketime is not installed (apt-get install faketime)");
        return;
    };
    let preload = String::from_utf8(library.stdout).unwrap().trim().to_owned();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    let data = server.data();
    assert_eq!(server.stop(), Some(0));
    let args = ["--data", data.to_str().unwrap()];
    Told::by(&args, &[("LD_PRELOAD", &preload), ("FAKETIME", "-1d")])
        .fails("clock", "evidence would be refused");
    Told::by(&args, &[]).is_well();
}

#[test]
fn a_shared_ledger_is_well_and_its_faults_are_named() {
    let cluster = Cluster::new(&[]);
    // Before the first start: a database without a schema is told, and gets none.
    let first = cluster.doctor("one");
    first.says("store", "warn", "0001_event_store").says("directory", "warn", "there is none");
    cluster.doctor("one").says("store", "warn", "0001_event_store");

    let one = cluster.serve("one", None);
    // Nobody reacts: requests are answered, and nothing follows from them.
    cluster.doctor("one").fails("processes", "nobody does reactors");
    let worker = cluster.worker("worker");
    one.import_starter();
    let well = wait_for("all duties", || Some(cluster.doctor("one")).filter(|told| told.code == Some(0)));
    well.is_well().says("processes", "ok", "reactors").says("read models", "ok", "events behind");
    well.says("store", "ok", "no migration to do").says("rights", "warn", "superuser");
    well.says("head file", "ok", "everything").says("connection", "ok", "round trip");
    println!("{}", well.text);

    // Killed: whoever takes over has done so before it is judged, and where nobody can it is told.
    worker.kill();
    let ended = || Some(cluster.doctor("one")).filter(|told| told.code == Some(1));
    wait_for("the end of its leases", ended).fails("processes", "nobody does");
    let second = cluster.worker("second");
    wait_for("the other", || Some(cluster.doctor("second")).filter(|told| told.code == Some(0)));
    drop(second);

    // Another key file, and a head file that knows more than the database.
    assert_eq!(one.stop(), Some(0));
    let kek = cluster.path("kek");
    let whole = fs::read(&kek).unwrap();
    fs::write(&kek, "ab".repeat(32)).unwrap();
    let other = cluster.doctor("one");
    other.fails("key file", "does not fit the store");
    other.fails("head file", "cannot be trusted");
    fs::write(&kek, &whole).unwrap();
    fs::remove_file(&kek).unwrap();
    cluster.doctor("one").fails("key file", "each process of a shared ledger has the same");
    fs::write(&kek, &whole).unwrap();
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o600)).unwrap();
    cluster.execute("UPDATE logs SET size = size - 1 WHERE tenant = 'system'");
    cluster.doctor("one").fails("head file", "the head file says");
    cluster.execute("UPDATE logs SET size = size + 1 WHERE tenant = 'system'");
    cluster.execute("UPDATE store SET folded = folded - 300001");
    cluster.doctor("one").says("store", "warn", "heads of streams are 30");
    cluster.execute("UPDATE store SET folded = folded + 300001");
    cluster.doctor("one").is_well();
}

/// The statements of the guide: a role that serves, and can neither change an event nor drop what guards it.
fn grants() -> String {
    let guide = include_str!("../../docs/guides/operations.md");
    let (_, rest) = guide.split_once("```sql\n").expect("the guide has statements");
    rest.split_once("```").expect("they end").0.to_owned()
}

#[test]
fn a_role_with_the_rights_of_the_guide_serves_and_one_without_is_told_what_it_lacks() {
    let cluster = Cluster::new(&[]);
    let owner = cluster.serve("owner", None);
    owner.import_starter();
    assert_eq!(owner.stop(), Some(0));
    cluster.execute(&grants().replace("DATABASE ledger", &format!("DATABASE {}", cluster.database())));
    let served = cluster.of_role("ledger_app");
    let admin = fs::read_to_string(cluster.path("owner").join("data/admin.key")).unwrap();
    let one = served.serve("owner", Some(admin.trim()));
    let worker = served.worker("worker");
    let made = one.post("/v1/tenants", &json!({ "name": "made by the role" })).ok();
    assert!(made["admin"]["key"].is_string());
    let well = wait_for("all duties", || Some(served.doctor("owner")).filter(|told| told.code == Some(0)));
    well.is_well().says("read models", "ok", "0 events behind");
    assert!(!well.text.contains("superuser"), "{}", well.text);
    // It cannot touch what was written.
    let refused = served.try_execute("DELETE FROM events").unwrap_err();
    assert!(refused.contains("permission denied"), "{refused}");
    for node in [one, worker] {
        assert_eq!(node.stop(), Some(0));
    }
    cluster.execute("REVOKE INSERT ON events FROM ledger_app");
    served.doctor("owner").fails("rights", "INSERT on events");
    cluster.execute("GRANT INSERT ON events TO ledger_app");
    served.doctor("owner").is_well();
}

impl Cluster {
    fn doctor(&self, name: &str) -> Told {
        let data = self.path(name).join("data");
        Told::by(&["--data", data.to_str().unwrap()], &self.settings())
    }
}
