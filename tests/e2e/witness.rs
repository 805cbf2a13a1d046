//! Witnesses: checkpoints of the system log are cosigned, and a ledger that is behind what they saw signs nothing.

mod fake;

use std::fs;
use std::path::{Path, PathBuf};

use ledger::checkpoint::Checkpoint;
use ledger::clock::Stopwatch;
use ledger::note::VerifierKey;
use ledger::policy::Policy;
use ledger_replay::{NoProgress, Options, Report, verify};
use serde_json::json;

use super::cluster::Cluster;
use super::history::{export, files};
use super::server::{Server, json_headers, wait_for};
use fake::{Fake, Mood};

/// A ledger whose system log has witnesses.
struct Witnessed {
    dir: tempfile::TempDir,
    policy: PathBuf,
    fakes: Vec<Fake>,
}

impl Witnessed {
    /// Witnesses of which so many make the quorum; none knows the log yet.
    fn new(witnesses: u8, threshold: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fakes: Vec<Fake> = (1..=witnesses).map(Fake::start).collect();
        let policy = dir.path().join("witnesses");
        let this = Self { dir, policy, fakes };
        let names = this.fakes.iter().map(|fake| fake.name.clone()).collect::<Vec<_>>().join(" ");
        let rule = format!("{}group all-of-us {threshold} {names}\nquorum all-of-us\n", this.lines());
        fs::write(&this.policy, rule).unwrap();
        this
    }

    /// Witnesses that know the log, and a running ledger.
    fn running(witnesses: u8, threshold: usize) -> (Self, Server) {
        let this = Self::new(witnesses, threshold);
        let said = this.refused();
        let vkey = said.split("register this key there: ").nth(1).unwrap().split(' ').next().unwrap();
        this.fakes.iter().for_each(|fake| fake.register(vkey.parse().unwrap()));
        let server = this.start().unwrap();
        (this, server)
    }

    fn lines(&self) -> String {
        let line = |fake: &Fake| format!("witness {} {} {}\n", fake.name, fake.vkey, fake.url);
        self.fakes.iter().map(line).collect()
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn start(&self) -> Result<Server, String> {
        let policy = format!("LEDGER_WITNESS_POLICY={}", self.policy.display());
        Server::try_start(&["env", &policy, "LEDGER_WITNESS_TIMEOUT_MS=1500"], self.dir.path())
    }

    /// What a start says that is refused, and has changed no key, head or checkpoint.
    #[track_caller]
    fn refused(&self) -> String {
        let said = self.start().map(drop).unwrap_err();
        assert!(said.contains("exit status: 1") && said.contains("nothing may be signed"), "{said}");
        said
    }

    /// The trust file that asks for the quorum.
    fn trust(&self, server: &Server) -> PathBuf {
        let told = server.get("/v1/whoami").ok()["trust"].as_str().unwrap().to_owned();
        assert!(told.ends_with("quorum none\n") && told.contains(&self.lines()), "{told}");
        let trust = self.dir.path().join("trust");
        fs::write(&trust, told.replace("quorum none", "quorum all-of-us")).unwrap();
        trust
    }
}

/// Makes the system log grow.
fn grow(server: &Server) {
    server.post("/v1/tenants", &json!({"name": "one more"})).ok();
}

/// The system log's checkpoint as it is served, once it covers everything, more than `beyond` entries, and the quorum has
/// cosigned it.
fn cosigned(server: &Server, policy: &Policy, beyond: u64) -> Checkpoint {
    let mut headers = json_headers(&server.admin);
    headers.push(("ledger-tenant".to_owned(), "system".to_owned()));
    let size = server.raw("GET", "/v1/events?limit=1", &headers, None).ok()["log_size"].as_u64().unwrap();
    wait_for("the cosigned checkpoint", || {
        let note = server.raw("GET", "/tlog/system/checkpoint", &headers, None).text;
        let (checkpoint, note) = Checkpoint::parse_note(note.as_bytes()).unwrap();
        let enough =
            checkpoint.size > beyond && checkpoint.size >= size && policy.verify_quorum(&note).is_ok();
        enough.then_some(checkpoint)
    })
}

fn verified(bundle: &Path, trust: &Path) -> Report {
    let options = Options { bundle: bundle.to_owned(), policy: Some(trust.to_owned()), ..Options::default() };
    verify(&options, &NoProgress).unwrap()
}

#[test]
fn checkpoints_are_cosigned_served_and_exported() {
    let (witnessed, server) = Witnessed::running(1, 1);
    let policy: Policy = fs::read_to_string(&witnessed.policy).unwrap().parse().unwrap();
    grow(&server);
    let first = cosigned(&server, &policy, 0);
    assert_eq!(witnessed.fakes[0].size(), first.size);
    let trust = witnessed.trust(&server);
    let (own, system) = (witnessed.dir.path().join("own"), witnessed.dir.path().join("system"));
    export(&witnessed.data(), &own, &[]);
    export(&witnessed.data(), &system, &["--tenant", "system"]);
    for bundle in [&own, &system] {
        // The bundle's own trust file asks for the quorum as well.
        let asked = fs::read_to_string(bundle.join("policy")).unwrap();
        assert!(asked.ends_with("quorum all-of-us\n"), "{asked}");
        for trust in [&bundle.join("policy"), &trust] {
            // The system log has another genesis than the tenant's trust file pins.
            if bundle == &system && *trust != bundle.join("policy") {
                continue;
            }
            let report = verified(bundle, trust);
            assert!(report.ok && report.trust.witnesses == ["w1"], "{report:?}");
            assert!(report.trust.witnessed_size > 0, "{report:?}");
        }
    }
    // The control: a witness that nobody asked has not cosigned.
    let other = Fake::start(9);
    let line = format!("witness w1 {} {}\n", other.vkey, other.url);
    let strange = fs::read_to_string(&trust).unwrap().replace(&witnessed.lines(), &line);
    fs::write(&trust, strange).unwrap();
    let report = verified(&own, &trust);
    assert!(!report.ok && report.failures[0].reason.contains("quorum"), "{report:?}");
    assert_eq!(server.stop(), Some(0));
    // Without a server, an export asks the witnesses by itself.
    assert!(witnessed.start().is_ok());
}

/// One process has the witnesses; the exports and the clients of another have what they cosign all the same.
#[test]
fn what_one_process_lets_cosign_the_others_have() {
    let cluster = Cluster::new(&[]);
    let first = cluster.serve("api", None);
    let admin = first.admin().to_owned();
    let mut headers = json_headers(&admin);
    headers.push(("ledger-tenant".to_owned(), "system".to_owned()));
    let trust = first.raw("GET", "/v1/whoami", &headers, None).ok()["trust"].as_str().unwrap().to_owned();
    let log = trust.lines().find_map(|line| line.strip_prefix("log ")).unwrap();
    assert_eq!(first.stop(), Some(0));
    let witness = Fake::start(1);
    witness.register(log.split(' ').next().unwrap().parse().unwrap());
    let rule = format!("witness {0} {1} {2}\nquorum {0}\n", witness.name, witness.vkey, witness.url);
    let file = cluster.path("witnesses");
    fs::write(&file, &rule).unwrap();
    let policy: Policy = rule.parse().unwrap();
    let mut settings = cluster.settings();
    let (file, timeout) = (file.display().to_string(), "1500");
    settings.extend([("LEDGER_WITNESS_POLICY", file.as_str()), ("LEDGER_WITNESS_TIMEOUT_MS", timeout)]);
    let api = Server::node(&["serve", "--api-only"], &cluster.path("api"), &settings, Some(&admin));
    let worker = Server::node(&["worker"], &cluster.path("worker"), &settings, Some(""));

    grow(&api);
    let first = cosigned(&api, &policy, 0);
    let quorum = |name: &str| {
        let bundle = cluster.path(name);
        export(&api.data(), &bundle, &["--tenant", "system", "--store", cluster.url()]);
        let report = verified(&bundle, &bundle.join("policy"));
        (report.ok, report.trust.witnessed_size)
    };
    grow(&api);
    let (ok, size) = quorum("with");
    assert!(ok && size > first.size, "{size}");

    // The control: what is cosigned stays with the process that submitted it. The witness has it, the export has not.
    cluster.execute(
        "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.place := ''; RETURN NEW; END $$;
         CREATE TRIGGER forgets BEFORE UPDATE ON leases FOR EACH ROW WHEN (NEW.name = 'witnesses')
             EXECUTE FUNCTION forget();
         UPDATE leases SET place = '' WHERE name = 'witnesses'",
    );
    grow(&api);
    wait_for("the witness", || (witness.size() > size).then_some(()));
    assert_eq!(quorum("without"), (false, 0));
    assert_eq!((api.stop(), worker.stop()), (Some(0), Some(0)));
}

#[test]
fn a_ledger_behind_its_witness_signs_nothing() {
    let (witnessed, server) = Witnessed::running(1, 1);
    let policy: Policy = fs::read_to_string(&witnessed.policy).unwrap().parse().unwrap();
    let older = cosigned(&server, &policy, 0);
    assert_eq!(server.stop(), Some(0));
    let old = files(&witnessed.data());
    let server = witnessed.start().unwrap();
    grow(&server);
    let newer = cosigned(&server, &policy, older.size);
    assert_eq!(server.stop(), Some(0));
    let restore = |state: &std::collections::BTreeMap<String, Vec<u8>>| {
        fs::remove_dir_all(witnessed.data()).unwrap();
        for (name, bytes) in state {
            let path = witnessed.data().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    };
    let new = files(&witnessed.data());
    // Everything is put back, the head file too: nothing on this machine can tell.
    restore(&old);
    let seen = format!("it has cosigned {} entries", newer.size);
    for _ in 0..2 {
        let said = witnessed.refused();
        assert!(said.contains(&seen) && said.contains("witness w1") && said.contains("recover"), "{said}");
    }
    // The control: without its witness the ledger starts, and what it then signs forks.
    let server = Server::try_start(&[], witnessed.dir.path()).unwrap();
    (0..4).for_each(|_| grow(&server));
    assert_eq!(server.stop(), Some(0));
    let said = witnessed.refused();
    assert!(said.contains("another history"), "{said}");
    assert_eq!(witnessed.fakes[0].size(), newer.size);
    restore(&new);
    assert_eq!(witnessed.start().unwrap().stop(), Some(0));
}

#[test]
fn the_doctor_says_which_witnesses_answer() {
    let (witnessed, server) = Witnessed::running(2, 1);
    let (data, policy) = (server.data(), witnessed.policy.display().to_string());
    let doctor = || {
        let settings = [("LEDGER_WITNESS_POLICY", &*policy), ("LEDGER_WITNESS_TIMEOUT_MS", "1500")];
        super::doctor::Told::by(&["--data", data.to_str().unwrap()], &settings)
    };
    doctor().says("witnesses", "ok", "all 2 answer");
    // Nothing was submitted: a witness that refuses everything answers all the same.
    witnessed.fakes[1].set(Mood::Broken);
    doctor().says("witnesses", "ok", "all 2 answer");
    // Either one is a quorum: the one that is silent might have cosigned more.
    witnessed.fakes[1].set(Mood::Silent);
    doctor().fails("witnesses", "1 of 2 do not answer: w2");
}

#[test]
fn a_witness_that_cannot_be_asked_keeps_the_ledger_from_signing() {
    let (witnessed, server) = Witnessed::running(1, 1);
    assert_eq!(server.stop(), Some(0));
    let fake = &witnessed.fakes[0];
    for (mood, words) in [
        (Mood::Silent, "timeout"),
        (Mood::Broken, "status 500"),
        (Mood::Garbage, "line 1 is malformed"),
        (Mood::Impostor, "no cosignature of its key"),
        (Mood::Forger, "does not verify"),
        (Mood::Undecided, "named another size"),
        (Mood::Refusing, "another history"),
        (Mood::Forgetful, "register this key there"),
    ] {
        fake.set(mood);
        let said = witnessed.refused();
        assert!(said.contains(words), "{mood:?}: {said}");
    }
    fake.set(Mood::Sound);
    assert_eq!(witnessed.start().unwrap().stop(), Some(0));
    for (rule, words) in [
        ("quorum none\n", "names no witness"),
        ("witness w1 x\nquorum w1\n", "line 1"),
        (&*format!("witness w1 {}\nquorum w1\n", fake.vkey), "write where w1 is"),
        (&*format!("witness w1 {} ftp://x\nquorum w1\n", fake.vkey), "witness w1"),
    ] {
        fs::write(&witnessed.policy, rule).unwrap();
        let said = witnessed.start().map(drop).unwrap_err();
        assert!(said.contains(words) && said.contains("exit status: 1"), "{words}: {said}");
    }
}

#[test]
fn a_silent_witness_delays_nothing_and_is_told() {
    let (witnessed, server) = Witnessed::running(3, 2);
    let policy: Policy = fs::read_to_string(&witnessed.policy).unwrap().parse().unwrap();
    let loud = &witnessed.fakes[0];
    loud.set(Mood::Silent);
    grow(&server);
    let since = Stopwatch::start();
    let growing = (0..5).map(|_| grow(&server)).count();
    assert!(since.elapsed().as_millis() < 1_500 * growing as u128, "appends wait for nobody");
    let two = cosigned(&server, &policy, 0);
    let told = |server: &Server| server.get("/readyz").ok()["warnings"].to_string();
    wait_for("the warning", || told(&server).contains("witness w1: it cannot be asked").then_some(()));
    assert_eq!(server.get("/readyz").status, 200);
    assert!(loud.size() < two.size);
    // Two of three are a quorum that the third alone cannot have outrun.
    assert_eq!(server.stop(), Some(0));
    let server = witnessed.start().unwrap();
    witnessed.fakes[1].set(Mood::Silent);
    assert_eq!(server.stop(), Some(0));
    assert!(witnessed.refused().contains("witness w2"), "two that say nothing could be a quorum");
    witnessed.fakes.iter().for_each(|fake| fake.set(Mood::Sound));
    let server = witnessed.start().unwrap();
    wait_for("all three", || (loud.size() >= two.size && told(&server) == "[]").then_some(()));
    // A key that the witnesses know is the log's own.
    let known: VerifierKey = witnessed.fakes[0].known().unwrap();
    assert_eq!(known.name(), cosigned(&server, &policy, 0).origin);
}
