//! The server killed under load, again and again: what it had acknowledged is there, once, and everything holds.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ledger::clock::Stopwatch;
use serde_json::{Value, json};

use super::bad_input::first_control;
use super::history::{export, files, verified};
use super::server::{Answer, Server, agent, evidence, json_headers, ledger};

/// Clients at once: enough that commits are shared when the kill comes.
const CLIENTS: usize = 4;
/// Cycles between two full verifications of the store.
const VERIFY_EVERY: usize = 50;

/// Evidence that was handed in, and the receipt if one came back.
struct Sent {
    body: Value,
    receipt: Option<Value>,
}

fn batch(server: &Server, agent: &ureq::Agent, items: &[Value]) -> Result<Answer, ureq::Error> {
    let body = json!({"items": items}).to_string();
    server.send(agent, "POST", "/v1/evidence/batch", &json_headers(&server.admin), Some(body.as_bytes()))
}

/// Hands evidence in from several clients, one by one and in batches, until the server is killed after `until`
/// acknowledgements; gives all that was sent.
fn killed(server: Server, control: &str, until: usize) -> Vec<Sent> {
    let (sent, acknowledged) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let (url, admin) = (server.url.clone(), server.admin.clone());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (sent, acknowledged) = (&sent, &acknowledged);
            let server = Server::at(&url, &admin);
            scope.spawn(move || {
                let (agent, mut round) = (agent(), client);
                loop {
                    round += 1;
                    let result = if round.is_multiple_of(3) { "fail" } else { "pass" };
                    let items: Vec<Value> = (0..1 + round % 4).map(|_| evidence(control, result)).collect();
                    let answer = batch(&server, &agent, &items).ok().filter(|answer| answer.status == 200);
                    let gone = answer.is_none();
                    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                    for (at, body) in items.into_iter().enumerate() {
                        let result = answer.as_ref().map(|answer| &answer.json["results"][at]);
                        let receipt = result.filter(|result| result["status"] == 201);
                        let receipt = receipt.map(|result| result["receipt"].clone());
                        acknowledged.fetch_add(usize::from(receipt.is_some()), Ordering::Relaxed);
                        sent.push(Sent { body, receipt });
                    }
                    if gone {
                        return;
                    }
                }
            });
        }
        while acknowledged.load(Ordering::Relaxed) < until {
            std::thread::yield_now();
        }
        server.kill();
    });
    sent.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Hands everything in once more: what was acknowledged must give its first receipt. How many do not.
fn lost(server: &Server, sent: &[Sent]) -> usize {
    let agent = agent();
    let mut lost = 0;
    for part in sent.chunks(500) {
        let items: Vec<Value> = part.iter().map(|sent| sent.body.clone()).collect();
        let answer = batch(server, &agent, &items).unwrap().ok();
        for (sent, again) in part.iter().zip(answer["results"].as_array().unwrap()) {
            assert!(matches!(again["status"].as_u64(), Some(200 | 201)), "{again}");
            if let Some(receipt) = &sent.receipt {
                let same = again["status"] == 200
                    && ["index", "event", "entry"].iter().all(|name| again["receipt"][name] == receipt[name]);
                lost += usize::from(!same);
            }
        }
    }
    lost
}

/// Chains, signatures, trees, head file, and the read models against a rebuild.
fn holds(data: &Path) -> Value {
    let output = ledger(&["verify", "--json", "--data", data.to_str().unwrap()]);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let cycles = if super::long() { 1000 } else { 5 };
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(dir.path());
    server.import_starter();
    let control = first_control(&server);
    let trust = dir.path().join("trust");
    std::fs::write(&trust, server.get("/v1/whoami").ok()["trust"].as_str().unwrap()).unwrap();
    let (mut acknowledged, mut unanswered, mut missing) = (0, 0, 0);
    let watch = Stopwatch::start();
    for cycle in 1..=cycles {
        let sent = killed(server, &control, 1 + cycle * 37 % 60);
        acknowledged += sent.iter().filter(|sent| sent.receipt.is_some()).count();
        unanswered += sent.iter().filter(|sent| sent.receipt.is_none()).count();
        if cycle % VERIFY_EVERY == 0 || cycle == cycles {
            // As the kill left it, before any server mends anything.
            let report = holds(&dir.path().join("data"));
            assert_eq!(report["ok"], true, "cycle {cycle}: {report}");
        }
        server = Server::start_in(dir.path());
        missing += lost(&server, &sent);
        assert_eq!(missing, 0, "cycle {cycle}");
        if cycle % VERIFY_EVERY == 0 {
            println!("{cycle} cycles in {:?}: {acknowledged} acknowledged, {missing} lost", watch.elapsed());
        }
    }
    assert_eq!(server.stop(), Some(0));
    let report = holds(&dir.path().join("data"));
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["read_models_compared"].as_u64().unwrap() > 0, "{report}");
    let bundle = dir.path().join("bundle");
    export(&dir.path().join("data"), &bundle, &[]);
    let size = verified(&bundle, &trust).size;
    println!(
        "kill -9: {cycles} cycles, {acknowledged} acknowledged, {unanswered} without an answer, {missing} lost, \
         {size} entries verified"
    );
}

/// The control: a log that is taken back to an earlier state is noticed, by its head file and by the receipts.
#[test]
fn the_suite_would_notice_a_lost_tail() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_in(dir.path());
    server.import_starter();
    let control = first_control(&server);
    assert_eq!(server.stop(), Some(0));
    let before = files(&data);
    let sent = killed(Server::start_in(dir.path()), &control, 10);
    for (name, _) in files(&data).iter().filter(|(name, _)| name.starts_with("events.db")) {
        match before.get(name) {
            Some(bytes) => std::fs::write(data.join(name), bytes).unwrap(),
            None => std::fs::remove_file(data.join(name)).unwrap(),
        }
    }
    let refused = Server::try_start(&[], dir.path()).map(drop).unwrap_err();
    assert!(refused.contains("does not match the head file"), "{refused}");
    assert_eq!(holds(&data)["ok"], false);
    let accepted = ledger(&["recover", "--accept-loss", "--data", data.to_str().unwrap()]);
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    let server = Server::start_in(dir.path());
    assert!(lost(&server, &sent) >= 10);
}
