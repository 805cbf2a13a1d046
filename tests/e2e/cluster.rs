//! Several processes on one database: what one of them takes the others know, and one takes over from another.

use std::path::PathBuf;
use std::time::Duration;

use ledger::clock::Stopwatch;
use serde_json::{Value, json};

use super::bad_input::first_control;
use super::postgres;
use super::server::{Server, evidence, ledger, wait_for};

/// A database, and the directories of the processes on it.
pub struct Cluster {
    dir: std::sync::Arc<tempfile::TempDir>,
    database: tokio_postgres::Config,
    settings: Vec<(String, String)>,
}

impl Cluster {
    /// An empty database of a server of the test's own; `settings` hold for each process.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let dir = std::sync::Arc::new(tempfile::tempdir().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = runtime.block_on(postgres::database());
        let [tokio_postgres::config::Host::Unix(socket)] = config.get_hosts() else { panic!("a socket") };
        let url = format!("postgres://ledger@/{}?host={}", config.get_dbname().unwrap(), socket.display());
        let kek = dir.path().join("kek").display().to_string();
        let own = [("LEDGER_STORE_URL", url.as_str()), ("LEDGER_KEYS_KEK_FILE", kek.as_str())];
        let settings =
            own.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { settings: settings.collect(), dir, database: config }
    }

    pub fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// The same database and directories, for processes that come as another role.
    pub fn of_role(&self, role: &str) -> Self {
        let mut database = self.database.clone();
        database.user(role);
        let url = |(name, value): &(String, String)| {
            (name.clone(), value.replace("postgres://ledger@", &format!("postgres://{role}@")))
        };
        Self { dir: self.dir.clone(), database, settings: self.settings.iter().map(url).collect() }
    }

    /// Executes a statement of the database server until it is done; whoever is still connected to the database is sent
    /// away.
    fn administer(&self, sql: &str) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(postgres::administer(&self.database, sql));
    }

    /// Keeps a copy of the database as it is, which no process may be connected to.
    pub fn back_up(&self) {
        let name = self.database();
        self.administer(&format!("CREATE DATABASE {name}_kept TEMPLATE {name}"));
    }

    /// Puts the copy that was kept into the place of the database.
    pub fn go_back(&self) {
        let name = self.database();
        self.administer(&format!("ALTER DATABASE {name} RENAME TO {name}_lost"));
        self.administer(&format!("ALTER DATABASE {name}_kept RENAME TO {name}"));
    }

    /// The URL of the database.
    pub fn url(&self) -> &str {
        &self.settings.iter().find(|(name, _)| name == "LEDGER_STORE_URL").unwrap().1
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.database.get_dbname().unwrap()
    }

    /// Executes statements in the database, past the ledger.
    pub fn execute(&self, sql: &str) {
        self.try_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// As [`execute`](Self::execute); what the server says if it refuses.
    pub fn try_execute(&self, sql: &str) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = postgres::client(&self.database).await;
            client
                .batch_execute(sql)
                .await
                .map_err(|error| error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string))
        })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A process that answers; `admin` is the key of the first one.
    pub fn serve(&self, name: &str, admin: Option<&str>) -> Server {
        Server::node(&["serve", "--api-only"], &self.path(name), &self.settings(), admin)
    }

    /// A process that works.
    pub fn worker(&self, name: &str) -> Server {
        Server::node(&["worker"], &self.path(name), &self.settings(), Some(""))
    }

    /// What `ledger verify` says of the database, as the process `name` sees it.
    pub fn verify(&self, name: &str) -> Value {
        let data = self.path(name).join("data");
        let mut args = vec!["verify", "--json", "--data", data.to_str().unwrap()];
        let settings = self.settings();
        args.extend(["--store", self.url()]);
        let told = super::server::ledger_with(&args, &settings);
        serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"))
    }
}

/// The worker that has a duty.
fn with_duty<'a>(workers: &'a [Server], duty: &str) -> Option<&'a Server> {
    workers.iter().find(|worker| {
        let ready = worker.get("/readyz").json;
        ready["duties"].as_array().is_some_and(|duties| duties.iter().any(|held| held == duty))
    })
}

#[test]
fn what_one_process_takes_the_others_know() {
    let cluster = Cluster::new(&[]);
    let one = cluster.serve("one", None);
    let two = cluster.serve("two", Some(one.admin()));
    let worker = cluster.worker("worker");
    one.import_starter();
    let control = first_control(&one);
    wait_for("the catalogue in the other process", || (first_control(&two) == control).then_some(()));
    // A key that one made lets in at the other; a tenant that one made is known to the other.
    let key = one.key("viewer");
    wait_for("the key", || (two.request("GET", "/v1/whoami", Some(&key), None).status == 200).then_some(()));
    let made = one.post("/v1/tenants", &json!({ "name": "another" })).ok();
    let admin = made["admin"]["key"].as_str().unwrap();
    wait_for("the tenant", || {
        (two.request("GET", "/v1/whoami", Some(admin), None).status == 200).then_some(())
    });
    // Both write, and both see what the worker made of it.
    for (server, result) in [(&one, "pass"), (&two, "fail"), (&one, "fail")] {
        server.post("/v1/evidence", &evidence(&control, result)).ok();
    }
    for server in [&one, &two] {
        let status = || server.get(&format!("/v1/controls/starter/{control}")).ok()["status"] == "fail";
        wait_for("the status", || status().then_some(()));
    }
    let roles: Vec<Value> = [&one, &worker].map(|node| node.get("/readyz").json["role"].clone()).to_vec();
    assert_eq!(roles, ["serve", "work"]);
    // A worker answers nothing else.
    assert_eq!(worker.get("/v1/controls").status, 404);
    for node in [one, two, worker] {
        assert_eq!(node.stop(), Some(0));
    }
    let report = cluster.verify("one");
    assert_eq!(report["ok"], true, "{report}");
}

#[test]
fn another_takes_over_within_seconds_when_one_is_killed() {
    let cluster = Cluster::new(&[]);
    let server = cluster.serve("server", None);
    server.import_starter();
    let control = first_control(&server);
    let mut workers: Vec<Server> = ["a", "b"].map(|name| cluster.worker(name)).into();
    wait_for("somebody who reacts", || with_duty(&workers, "reactors").map(drop));
    let pid = with_duty(&workers, "reactors").unwrap().pid();
    let place = workers.iter().position(|worker| worker.pid() == pid).unwrap();
    workers.remove(place).kill();
    let watch = Stopwatch::start();
    server.post("/v1/evidence", &evidence(&control, "fail")).ok();
    let status = || server.get(&format!("/v1/controls/starter/{control}")).ok()["status"] == "fail";
    wait_for("the other's reaction", || status().then_some(()));
    println!("takeover after kill -9: {:.1} s", watch.elapsed().as_secs_f64());
    assert!(watch.elapsed() < Duration::from_secs(15));
    // One that stops gives its duties back: nobody waits for the end of a lease.
    workers.push(cluster.worker("c"));
    workers.remove(0).stop();
    let watch = Stopwatch::start();
    wait_for("the third", || with_duty(&workers, "reactors").map(drop));
    println!("takeover after SIGTERM: {:.1} s", watch.elapsed().as_secs_f64());
}

#[test]
fn what_does_not_fit_is_refused_with_words() {
    let cluster = Cluster::new(&[]);
    let url = cluster.settings()[0].1.to_owned();
    let refused = |args: &[&str], settings: &[(&str, &str)]| {
        let told = super::server::ledger_with(args, settings);
        assert_eq!(told.status.code(), Some(1), "{told:?}");
        String::from_utf8(told.stderr).unwrap()
    };
    assert!(refused(&["worker"], &[]).contains("--store"));
    assert!(refused(&["serve", "--store", "mysql://root:secret@db/x"], &[]).contains("postgres://"));
    assert!(!refused(&["serve", "--store", "mysql://root:secret@db/x"], &[]).contains("secret"));
    // A schema that is not there is told before it is made.
    let told = ledger(&["migrate", "--dry-run", "--store", &url]);
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8(told.stdout).unwrap().contains("0001_event_store"));
    assert_eq!(ledger(&["migrate", "--store", &url]).status.code(), Some(0));
    assert_eq!(ledger(&["migrate", "--dry-run", "--store", &url]).status.code(), Some(0));
    // Another key file cannot open what is there.
    let one = cluster.serve("one", None);
    assert_eq!(one.stop(), Some(0));
    let other = cluster.path("other");
    let data = other.join("data");
    let args = ["serve", "--store", &url, "--data", data.to_str().unwrap()];
    assert!(refused(&args, &[]).contains("the key file"));
    // An embedded ledger's directory is not taken for another store.
    let embedded = Server::start_in(&cluster.path("embedded"));
    let data = embedded.data();
    embedded.stop();
    let args = ["serve", "--store", &url, "--data", data.to_str().unwrap()];
    assert!(refused(&args, &[]).contains("never has two live stores"));
}
