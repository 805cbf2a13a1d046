//! The machine of the database is lost for good, and a standby takes over.

use std::path::Path;

use ledger::clock::Stopwatch;
use serde_json::Value;

use super::bad_input::first_control;
use super::postgres::chaos::ChaosServer;
use super::server::{Server, evidence, ledger, ledger_with, wait_for};

/// A server, and one that follows it.
struct Pair {
    primary: ChaosServer,
    standby: ChaosServer,
    dir: tempfile::TempDir,
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

impl Pair {
    /// `synchronous`: a commit waits until the standby has it.
    fn start(synchronous: bool) -> Self {
        let primary = ChaosServer::start();
        block_on(primary.create(&[]));
        let standby = ChaosServer::standby_of(&primary);
        if synchronous {
            block_on(async {
                let client = super::postgres::client(&primary.config("ledger")).await;
                let set = "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'";
                client.batch_execute(set).await.unwrap();
                client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
                let waits = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'";
                while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
            });
        }
        Self { primary, standby, dir: tempfile::tempdir().unwrap() }
    }

    /// Both, and the client looks for the one that takes writes.
    fn url(&self) -> String {
        let (a, b) = (self.primary.port(), self.standby.port());
        format!("postgres://ledger@127.0.0.1:{a},127.0.0.1:{b}/ledger?target_session_attrs=read-write")
    }

    fn serve(&self) -> Server {
        Server::node(&["serve"], &self.dir.path().join("node"), &[("LEDGER_STORE_URL", &self.url())], None)
    }

    /// The primary's machine is gone, and the standby is promoted.
    fn fail_over(&mut self) {
        self.primary.lose();
        block_on(self.standby.promote());
    }
}

fn started(pair: &Pair) -> (Server, String) {
    let server = pair.serve();
    server.import_starter();
    let control = first_control(&server);
    (server, control)
}

#[test]
fn what_was_acknowledged_is_in_the_synchronous_standby_and_the_process_goes_on_with_it() {
    let mut pair = Pair::start(true);
    let (server, control) = started(&pair);
    let mut acknowledged: Vec<(u64, Value)> = Vec::new();
    let mut hand_in = || {
        let piece = evidence(&control, "pass");
        let taken = server.post("/v1/evidence", &piece);
        (taken.status == 201)
            .then(|| acknowledged.push((taken.json["index"].as_u64().unwrap(), piece["id"].clone())))
    };
    for _ in 0..50 {
        hand_in().expect("the primary takes it");
    }
    pair.fail_over();
    let watch = Stopwatch::start();
    wait_for("the standby to take evidence", &mut hand_in);
    println!("evidence is taken again {:.1} s after the promotion", watch.elapsed().as_secs_f64());
    for (index, id) in &acknowledged {
        let event = server.get(&format!("/v1/events/{index}")).ok();
        assert_eq!(event["header"]["stream"], format!("evidence-{}", id.as_str().unwrap()), "{event}");
    }
    wait_for("the read models", || server.caught_up());
    assert_eq!(server.stop(), Some(0));
    let data = pair.dir.path().join("node/data");
    let told = ledger(&["verify", "--json", "--store", &pair.url(), "--data", path(&data)]);
    let report: Value = serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"));
    assert_eq!(report["ok"], true, "{report}");
}

/// The control of the test above: without waiting for the standby something is lost, and it is noticed.
#[test]
fn a_standby_that_lagged_is_refused_by_whoever_acknowledged_more() {
    let mut pair = Pair::start(false);
    let (server, control) = started(&pair);
    wait_for("the standby to follow", || {
        let position = server.caught_up()?;
        block_on(async {
            let client = super::postgres::client(&pair.standby.config("ledger")).await;
            let known = client.query_one("SELECT position FROM store", &[]).await.ok()?;
            (u64::try_from(known.get::<_, i64>(0)).ok()? == position).then_some(())
        })
    });
    pair.standby.lose();
    server.post("/v1/evidence", &evidence(&control, "pass")).ok();
    pair.primary.lose();
    pair.standby.back();
    block_on(pair.standby.promote());
    // Nothing is signed on a log that went back; why is the operator's to read.
    wait_for("an answer", || {
        let answer = server.post("/v1/evidence", &evidence(&control, "pass"));
        assert_ne!(answer.status, 201, "signed on a database that went back");
        (answer.status == 500).then_some(())
    });
    assert_eq!(server.get("/readyz").status, 503);
    server.kill();
    let data = pair.dir.path().join("node/data");
    let url = pair.url();
    let settings = [("LEDGER_STORE_URL", url.as_str())];
    let told = ledger_with(&["serve", "--data", path(&data), "--listen", "127.0.0.1:0"], &settings);
    let words = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.code() == Some(1) && words.contains("the head file says"), "{words}");
}

fn path(dir: &Path) -> &str {
    dir.to_str().unwrap()
}
