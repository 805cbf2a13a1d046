//! Work that waits in NATS: whatever it loses or repeats, every obligation is met once, and what nobody can end is parked.

use std::time::Duration;

use async_nats::jetstream;
use ledger::clock::Stopwatch;
use ledger_queue_nats::{DELIVERIES_MAX, Lane, Names, Piece, Place, Queue};
use serde_json::{Value, json};

use super::super::doctor::Told;
use super::super::nats_server::NatsServer;
use super::super::server::{PATIENCE, Server, evidence, wait_for};
use super::obligations::{controls, items, met_once};
use super::shared::{Processes, settle};
use super::stage::{SETTINGS, Vendors, both, route};

/// The server as whoever runs it comes to it, past the ledger.
struct Operator {
    runtime: tokio::runtime::Runtime,
    context: jetstream::Context,
    names: Names,
    tenant: String,
}

impl Operator {
    fn of(nats: &NatsServer, server: &Server) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let context =
            runtime.block_on(async { jetstream::new(async_nats::connect(nats.url()).await.unwrap()) });
        let ledger = server.get("/readyz").json["ledger"].as_str().unwrap().to_owned();
        let tenant = server.get("/v1/whoami").ok()["tenant"].as_str().unwrap().to_owned();
        Self { runtime, context, names: Names::new("ledger", &ledger), tenant }
    }

    /// What of the queue, by its subject.
    fn subjects(&self) -> Vec<String> {
        use futures_util::TryStreamExt;
        self.runtime
            .block_on(async {
                let stream = self.context.get_stream(self.names.work()).await.ok()?;
                let listed = stream.info_with_subjects(self.names.all()).await.ok()?;
                listed.map_ok(|(subject, _)| subject).try_collect().await.ok()
            })
            .unwrap_or_default()
    }

    /// Waits until so many pieces are in the queue.
    fn holds(&self, pieces: usize) {
        wait_for("the work to be in the queue", || (self.subjects().len() == pieces).then_some(()));
    }

    fn purge(&self) {
        self.runtime.block_on(async {
            let stream = self.context.get_stream(self.names.work()).await.unwrap();
            stream.purge().await.unwrap();
        });
    }

    fn delete(&self) {
        self.runtime.block_on(self.context.delete_stream(self.names.work())).unwrap();
    }

    /// Publishes what no ledger offered; whether the server kept it.
    fn publish(&self, subject: &str) -> bool {
        self.runtime.block_on(async {
            let sent = self.context.publish(subject.to_owned(), "".into()).await.unwrap();
            sent.await.is_ok()
        })
    }

    fn piece(&self, integration: &str, intent: &str) -> Piece {
        let lane = Lane { owner: self.tenant.clone(), name: integration.to_owned() };
        Piece { lane, id: intent.to_owned() }
    }
}

/// Lets integrations do nothing for a while, so that their work waits in the queue.
fn all(server: &Server, action: &str) {
    for integration in ["jira", "servicenow"] {
        server.post(&format!("/v1/integrations/{integration}/{action}"), &json!({})).ok();
    }
}

fn in_state(server: &Server, state: &str) -> Vec<Value> {
    items(server, &format!("/v1/intents?limit=1000&state={state}"))
}

#[test]
fn every_obligation_is_met_once_whatever_the_queue_loses_or_repeats() {
    let (vendors, mut nats) = (Vendors::start(), NatsServer::start());
    let url = nats.url();
    let queue = [("LEDGER_QUEUE_URL", url.as_str()), ("LEDGER_QUEUE_SWEEP_SECONDS", "1")];
    let settings: Vec<(&str, &str)> = SETTINGS.into_iter().chain(queue).collect();
    let mut processes = Processes::start(&settings, 1, 2);
    let server = &processes.servers[0];
    server.import_starter();
    both(server, &vendors);
    route(server, "jira");
    route(server, "servicenow");
    let (controls, operator) = (controls(server), Operator::of(&nats, server));
    let mut fresh = controls.iter();
    let mut fail = |server: &Server| {
        server.post("/v1/evidence", &evidence(fresh.next().unwrap(), "fail")).ok();
    };
    let wait = |processes: &Processes| {
        wait_for("the work to be done", || {
            let server = &processes.servers[0];
            let open = ["due", "running", "uncertain"].iter().map(|state| in_state(server, state).len());
            (open.sum::<usize>() == 0).then_some(())
        })
    };
    // As it is meant to be.
    fail(server);
    wait_for("tickets", || (items(server, "/v1/tickets?state=open").len() == 2).then_some(()));

    // What waits is emptied, then deleted with all that belongs to it.
    all(server, "pause");
    fail(server);
    operator.holds(2);
    operator.purge();
    all(server, "resume");
    wait_for("tickets", || (items(server, "/v1/tickets?state=open").len() == 4).then_some(()));
    all(server, "pause");
    fail(server);
    operator.holds(2);
    operator.delete();
    all(server, "resume");
    wait_for("tickets", || (items(server, "/v1/tickets?state=open").len() == 6).then_some(()));

    // Everything a second time: what waits, what is over, and what belongs to the other system.
    all(server, "pause");
    fail(server);
    operator.holds(2);
    for subject in operator.subjects() {
        assert!(!operator.publish(&subject), "a piece is in the queue once");
    }
    let mut foreign = 0;
    let due = || Some(in_state(server, "due")).filter(|due| due.len() == 2);
    for intent in wait_for("the work in the read models", due) {
        let other = if intent["integration"] == "jira" { "servicenow" } else { "jira" };
        let subject = operator.names.subject(&operator.piece(other, intent["intent"].as_str().unwrap()));
        foreign += usize::from(operator.publish(&subject));
    }
    assert_eq!(foreign, 2);
    let over = || Some(in_state(server, "succeeded")).filter(|over| over.len() >= 6);
    let over = wait_for("what is over", over);
    for intent in &over {
        let piece =
            operator.piece(intent["integration"].as_str().unwrap(), intent["intent"].as_str().unwrap());
        assert!(operator.publish(&operator.names.subject(&piece)));
    }
    operator.publish(&operator.names.subject(&operator.piece("jira", "nonsense")));
    all(server, "resume");
    wait_for("tickets", || (items(server, "/v1/tickets?state=open").len() == 8).then_some(()));
    operator.holds(0);

    // The server is killed, and work comes meanwhile.
    nats.kill();
    fail(server);
    let told = wait_for("the worker to say so", || {
        let ready = processes.workers[0].get("/readyz");
        (ready.json["queue"]["connected"] == false && ready.status == 200).then_some(ready.json)
    });
    assert!(told["warnings"].to_string().contains("work waits in the ledger"), "{told}");
    let data = processes.cluster.path("worker-0").join("data");
    let args = ["--data", data.to_str().unwrap()];
    Told::by(&args, &processes.cluster.settings()).fails("queue", "cannot be reached");
    nats.again();
    wait_for("tickets", || (items(server, "/v1/tickets?state=open").len() == 10).then_some(()));

    // The same, and it loses all that it had; a worker is killed as well.
    all(server, "pause");
    fail(server);
    operator.holds(2);
    nats.kill();
    nats.lose_everything();
    nats.again();
    all(server, "resume");
    processes.kill_worker(0);
    fail(&processes.servers[0]);
    processes.kill_worker(1);
    wait(&processes);
    let tickets = settle(&processes);
    assert_eq!(met_once(&vendors, &tickets), [(7, 0), (7, 0)]);
    let args = ["--data", data.to_str().unwrap()];
    Told::by(&args, &processes.cluster.settings()).says("queue", "ok", "0 pieces of work in it");
    processes.end_well();
}

#[test]
fn what_the_queue_hands_out_too_often_is_parked_and_can_be_replayed() {
    let (vendors, nats) = (Vendors::start(), NatsServer::start());
    let url = nats.url();
    let queue = [("LEDGER_QUEUE_URL", url.as_str()), ("LEDGER_QUEUE_SWEEP_SECONDS", "1")];
    let settings: Vec<(&str, &str)> = SETTINGS.into_iter().chain(queue).collect();
    let server = Server::start_with(&settings);
    server.import_starter();
    both(&server, &vendors);
    route(&server, "jira");
    route(&server, "servicenow");
    let (controls, operator) = (controls(&server), Operator::of(&nats, &server));
    // Nobody ends Jira's work, as if every worker died of it.
    server.post("/v1/integrations/jira/pause", &json!({})).ok();
    server.post("/v1/evidence", &evidence(&controls[0], "fail")).ok();
    operator.holds(1);
    let ledger = server.get("/readyz").json["ledger"].as_str().unwrap().to_owned();
    let lane = operator.piece("jira", "").lane;
    operator.runtime.block_on(async {
        let taker = Queue::start(Place::new(&url, None, "ledger").unwrap(), &ledger);
        taker.standing().wait_for(|standing| standing.connected).await.unwrap();
        let (mut times, watch) = (0, Stopwatch::start());
        // Once more than it is handed out: that is when the server says so.
        while times < DELIVERIES_MAX || watch.elapsed() < Duration::from_millis(500) {
            for handed in taker.take(&lane, 1).await.unwrap() {
                times = handed.times;
                handed.later(Duration::ZERO).await;
            }
            assert!(watch.elapsed() < PATIENCE);
        }
        drop(taker.take(&lane, 1).await);
    });
    let parked = wait_for("the work to be parked", || in_state(&server, "parked").pop());
    assert_eq!((&parked["integration"], &parked["reason"]), (&json!("jira"), &json!("adapter")));
    let told = parked["detail"].to_string();
    assert!(told.contains("handed it out 20 times") && told.contains("ledger work replay"), "{parked}");
    operator.holds(0);
    // Somebody mends it.
    server.post("/v1/integrations/jira/resume", &json!({})).ok();
    server.post("/v1/integrations/jira/intents/replay", &json!({})).ok();
    wait_for("tickets", || (items(&server, "/v1/tickets?state=open").len() == 2).then_some(()));
    assert_eq!(met_once(&vendors, &items(&server, "/v1/tickets")), [(1, 0), (1, 0)]);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_queue_that_cannot_be_named_is_refused_and_no_password_is_shown() {
    for url in ["amqp://u:geheim@q", "geheim", "nats://u:geheim@q/x"] {
        let settings = [("LEDGER_QUEUE_URL", url)];
        for args in [&["config"][..], &["serve", "--data", "/nowhere"]] {
            let told = super::super::server::ledger_with(args, &settings);
            let said = String::from_utf8([told.stdout, told.stderr].concat()).unwrap();
            assert!(!said.contains("geheim"), "{said}");
            assert!(
                args[0] == "config" || (!told.status.success() && said.contains("nats://host:4222")),
                "{said}"
            );
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let settings = [("LEDGER_QUEUE_URL", "nats://u:geheim@127.0.0.1:1")];
    let server = Server::start_in_with(dir.path(), &settings);
    let ready = wait_for("what is wrong", || {
        let ready = server.get("/readyz").json;
        ready["queue"]["problem"].is_string().then_some(ready)
    });
    assert_eq!(ready["ready"], true, "requests are answered: {ready}");
    let metrics = server.get("/metrics").text;
    assert!(metrics.contains("ledger_queue_connected 0"), "{metrics}");
    let told = Told::by(&["--data", server.data().to_str().unwrap()], &settings);
    told.says("queue", "fail", "nats://127.0.0.1:1 cannot be reached");
    assert!(!format!("{ready} {}", told.text()).contains("geheim"));
}
