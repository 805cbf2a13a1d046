//! A database that went back and is all that there is: refused at first, then it goes on as its own successor.

use std::process::Output;

use ledger_replay::{NoProgress, Options, verify};
use serde_json::Value;

use super::bad_input::first_control;
use super::cluster::Cluster;
use super::history::export;
use super::server::{Server, evidence, ledger_with, wait_for};

const SERVE: [&str; 2] = ["serve", "--api-only"];

/// Accepts the loss as the process `one`, which is given what else knows of entries.
fn accept(cluster: &Cluster, more: &[&str]) -> Output {
    let data = cluster.path("one").join("data");
    let own = ["recover", "--accept-loss", "--store", cluster.url(), "--data", data.to_str().unwrap()];
    ledger_with(&[&own, more].concat(), &cluster.settings())
}

#[test]
fn a_database_that_went_back_goes_on_as_its_own_successor() {
    let cluster = Cluster::new(&[]);
    let one = cluster.serve("one", None);
    let admin = one.admin().to_owned();
    let two = cluster.serve("two", Some(&admin));
    one.import_starter();
    let control = first_control(&one);
    let pair = [one, two];
    let origin = pair[0].get("/v1/whoami").ok()["trust"].as_str().unwrap().to_owned();
    assert!(!origin.contains("/e2+"), "{origin}");
    for process in pair {
        assert_eq!(process.stop(), Some(0));
    }
    cluster.back_up();
    let pair = ["one", "two"].map(|name| cluster.serve(name, Some(&admin)));
    // The other process is the last one that acknowledges, and so knows most.
    for (process, result) in [(0, "pass"), (1, "fail"), (1, "pass")] {
        pair[process].post("/v1/evidence", &evidence(&control, result)).ok();
    }
    let refused = accept(&cluster, &[]);
    assert!(!refused.status.success(), "a process runs on the directory: {refused:?}");
    let [one, two] = pair;
    assert_eq!(one.stop(), Some(0));
    // The control: a process of another directory is noticed as well.
    let refused = String::from_utf8(accept(&cluster, &[]).stderr).unwrap();
    assert!(refused.contains("stop them all"), "{refused}");
    assert_eq!(two.stop(), Some(0));

    cluster.go_back();
    for name in ["one", "two"] {
        let said = Server::refused(&SERVE, &cluster.path(name), &cluster.settings());
        assert!(said.contains("does not match the head file"), "{name}: {said}");
        assert!(said.contains("ledger recover --accept-loss"), "{name}: {said}");
    }
    assert_eq!(cluster.verify("one")["ok"], false);

    let head_of_two = cluster.path("two").join("data/head");
    let accepted = accept(&cluster, &["--head-of", head_of_two.to_str().unwrap()]);
    let told = String::from_utf8(accepted.stdout).unwrap();
    assert!(accepted.status.success() && told.contains("goes on as "), "{told}");
    let again = String::from_utf8(accept(&cluster, &[]).stdout).unwrap();
    assert!(again.contains("nothing was lost"), "{again}");
    // What the other process's file knows is on record; it fits the database no more.
    let said = Server::refused(&SERVE, &cluster.path("two"), &cluster.settings());
    assert!(said.contains("belongs to another store"), "{said}");
    std::fs::remove_file(&head_of_two).unwrap();

    let pair = ["one", "two"].map(|name| cluster.serve(name, Some(&admin)));
    for (process, result) in [(0, "fail"), (1, "fail")] {
        pair[process].post("/v1/evidence", &evidence(&control, result)).ok();
    }
    let worker = cluster.worker("worker");
    for process in &pair {
        let fails = || process.get(&format!("/v1/controls/starter/{control}")).ok()["status"] == "fail";
        wait_for("the status", || fails().then_some(()));
    }
    let named = pair[0].get("/v1/events?type=ledger.key.genesis.v1").ok();
    let predecessor = |event: &Value| {
        let event = pair[0].get(&format!("/v1/events/{}", event["index"])).ok();
        Some(event["header"]["data"]["predecessor"].clone()).filter(|named| !named.is_null())
    };
    let lost = named["items"].as_array().unwrap().iter().find_map(predecessor).expect("the loss is named");
    let size = lost["size"].as_u64().unwrap();
    assert!(told.contains(&format!("had {size} entries")), "{told} {lost}");
    assert!(told.contains(lost["root"].as_str().unwrap()), "{told} {lost}");

    let trust = cluster.path("trust");
    let successor = pair[0].get("/v1/whoami").ok()["trust"].as_str().unwrap().to_owned();
    assert!(successor.contains("/e2+"), "{successor}");
    std::fs::write(&trust, successor).unwrap();
    let bundle = cluster.path("bundle");
    export(&pair[0].data(), &bundle, &["--store", cluster.url()]);
    let report = |trust: &std::path::Path| {
        let options =
            Options { bundle: bundle.clone(), policy: Some(trust.to_owned()), ..Options::default() };
        verify(&options, &NoProgress).unwrap()
    };
    assert!(report(&trust).ok, "{:?}", report(&trust));
    // The control: whoever still trusts the name before sees that this is another.
    std::fs::write(&trust, origin).unwrap();
    assert!(!report(&trust).ok);
    for process in pair.into_iter().chain([worker]) {
        assert_eq!(process.stop(), Some(0));
    }
    let report = cluster.verify("one");
    assert_eq!(report["ok"], true, "{report}");
}
