//! More than fits: a full disk, more clients than places, an end in the middle of work.

use std::process::Command;

use serde_json::{Value, json};

use super::bad_input::first_control;
use super::server::{Server, agent, evidence, json_headers, ledger, wait_for};

/// What a client has been promised and what he was told instead.
fn submit(server: &Server, control: &str, kept: &mut Vec<Value>) -> u16 {
    let mut body = evidence(control, "pass");
    body["findings"] = json!([{"what": "x".repeat(30_000)}]);
    let answer = server.post("/v1/evidence", &body);
    if answer.status == 201 {
        kept.push(body["id"].clone());
    } else {
        assert_eq!(answer.problem(), "unavailable", "{}", answer.text);
        assert!(answer.headers.contains_key("retry-after"));
    }
    answer.status
}

#[test]
fn a_full_disk_is_told_and_once_there_is_room_work_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    // No file may grow above the limit; without the signal a write above it fails as on a full disk.
    let wrapper = ["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=4000000:unlimited", "--"];
    let server = Server::try_start(&wrapper, dir.path()).unwrap();
    server.import_starter();
    let control = first_control(&server);
    let mut kept = Vec::new();
    while submit(&server, &control, &mut kept) == 201 {
        assert!(kept.len() < 2_000, "the limit is not met");
    }
    assert!(!kept.is_empty());
    wait_for("/readyz to tell it", || {
        let ready = server.get("/readyz");
        (ready.status == 503 && !ready.json["problems"].as_array().unwrap().is_empty()).then_some(())
    });
    let is_there = |id: &Value| server.get(&format!("/v1/evidence/{}", id.as_str().unwrap())).status == 200;
    let pid = server.pid().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap();
    assert!(raised.success());
    wait_for("the store to take commands again", || {
        (submit(&server, &control, &mut kept) == 201).then_some(())
    });
    wait_for("all that was acknowledged", || kept.iter().all(is_there).then_some(()));
    wait_for("/readyz to hold again", || (server.get("/readyz").status == 200).then_some(()));
    assert_eq!(server.stop(), Some(0));
    let report = ledger(&["verify", "--data", dir.path().join("data").to_str().unwrap()]);
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
}

#[test]
fn more_than_it_can_take_is_refused_at_once_and_what_it_took_is_kept() {
    let server = Server::start_with(&[("LEDGER_SERVER_IN_FLIGHT_MAX", "2")]);
    server.import_starter();
    let control = first_control(&server);
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..12)
            .map(|_| {
                scope.spawn(|| {
                    let (agent, headers) = (agent(), json_headers(&server.admin));
                    let one = || {
                        let body = evidence(&control, "pass");
                        let text = body.to_string();
                        let answer =
                            server.send(&agent, "POST", "/v1/evidence", &headers, Some(text.as_bytes()));
                        let answer = answer.unwrap();
                        if answer.status != 201 {
                            assert_eq!(answer.problem(), "overloaded");
                            assert!(answer.headers.contains_key("retry-after"));
                        }
                        (answer.status, body["id"].clone())
                    };
                    (0..40).map(|_| one()).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let taken: Vec<&Value> = answers.iter().filter(|(status, _)| *status == 201).map(|(_, id)| id).collect();
    assert!(!taken.is_empty() && taken.len() < answers.len(), "{} of {}", taken.len(), answers.len());
    let there = |id: &&Value| server.get(&format!("/v1/evidence/{}", id.as_str().unwrap())).status == 200;
    wait_for("all that it took", || taken.iter().all(there).then_some(()));
}

#[test]
fn terminated_under_load_it_ends_in_order_and_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_in(dir.path());
    server.import_starter();
    let control = first_control(&server);
    let (send, receive) = std::sync::mpsc::channel();
    let kept: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let send = send.clone();
                let (server, control) = (Server::at(&server.url, &server.admin), control.clone());
                scope.spawn(move || {
                    let (agent, headers, mut kept) = (agent(), json_headers(&server.admin), Vec::new());
                    loop {
                        let body = evidence(&control, "pass");
                        let text = body.to_string();
                        let answer =
                            server.send(&agent, "POST", "/v1/evidence", &headers, Some(text.as_bytes()));
                        match answer {
                            Ok(answer) if answer.status == 201 => {
                                kept.push(body["id"].as_str().unwrap().to_owned());
                                // The receiver is gone once it has heard enough.
                                let _ = send.send(());
                            }
                            Ok(answer) => panic!("{}", answer.text),
                            Err(_) => return kept,
                        }
                    }
                })
            })
            .collect();
        receive.iter().take(100).for_each(drop);
        assert_eq!(server.stop(), Some(0));
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(kept.len() >= 100);
    let server = Server::start_in(dir.path());
    let missing: Vec<_> =
        kept.iter().filter(|id| server.get(&format!("/v1/evidence/{id}")).status != 200).collect();
    assert_eq!(missing, Vec::<&String>::new());
}
