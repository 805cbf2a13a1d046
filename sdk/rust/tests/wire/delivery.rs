//! Everything arrives exactly once, whatever the ledger answers.

use std::time::Duration;

use ledger_probe::kept::RejectedFiles;
use ledger_probe::{Config, Evidence, Probe, SubmitError};
use uuid::Uuid;

use crate::ledger::Fault;
use crate::{PATIENCE, World, eventually, evidence, files};

fn submit(probe: &Probe, count: usize) -> Vec<Uuid> {
    (0..count).map(|n| probe.submit(evidence(n)).unwrap()).collect()
}

#[test]
fn everything_arrives_once_with_a_receipt() {
    let world = World::new();
    let probe = world.probe();
    let ids = submit(&probe, 700);
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    assert!(world.ledger.held().values().all(|deliveries| *deliveries == 1));
    let status = probe.status();
    assert_eq!((status.receipts, status.duplicates, status.waiting, status.failures), (700, 0, 0, 0));
    assert_eq!(files(world.dir.path(), "seg"), 0);
    let receipts = probe.receipts(3).unwrap();
    assert_eq!(receipts.len(), 3);
    assert!(ids.contains(&receipts[0].evidence));
}

#[test]
fn what_waits_survives_a_restart() {
    let world = World::new();
    world.ledger.fault(std::iter::repeat_n(Fault::Down, 1000));
    let probe = world.probe();
    let mut ids = submit(&probe, 5);
    drop(probe);
    world.ledger.forget_faults();
    let probe = world.probe();
    ids.extend(submit(&probe, 5));
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
}

#[test]
fn lost_answers_lead_to_duplicates_that_the_ledger_sees_through() {
    let world = World::new();
    world.ledger.fault([Fault::AnswerLost, Fault::AnswerLost, Fault::Down]);
    let probe = world.probe();
    let ids = submit(&probe, 20);
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    assert!(world.ledger.held().values().any(|deliveries| *deliveries > 1), "the fault has no effect");
    assert!(probe.status().duplicates > 0);
}

#[test]
fn a_busy_ledger_is_given_the_time_that_it_asks_for() {
    let world = World::new();
    world.ledger.fault([Fault::Busy(429, 30), Fault::Busy(503, 60), Fault::Page(502)]);
    let probe = world.probe();
    let ids = submit(&probe, 1);
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    let times: Vec<_> =
        world.ledger.seen().iter().filter(|s| s.path.ends_with("/batch")).map(|s| s.at).collect();
    assert_eq!(times.len(), 4);
    assert!(times[1].since(times[0]) >= Duration::from_secs(30));
    assert!(times[2].since(times[1]) >= Duration::from_secs(60));
}

#[test]
fn what_the_ledger_refuses_for_good_is_kept_and_can_be_handed_in_again() {
    let world = World::new();
    world.ledger.control_unknown("ac-99", true);
    let probe = world.probe();
    let mut ids = submit(&probe, 3);
    let refused = probe.submit(evidence(9).control("nist-800-53", "ac-99")).unwrap();
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    eventually("the status tells", || probe.status().rejected == 1);
    let kept = RejectedFiles::of(world.dir.path()).list().unwrap();
    assert_eq!(kept[0].1.evidence["id"], refused.to_string());
    assert!(kept[0].1.problem["detail"].as_str().unwrap().contains("ac-99"));

    world.ledger.control_unknown("ac-99", false);
    assert_eq!(probe.resubmit_rejected().unwrap(), 1);
    assert!(probe.flush(PATIENCE));
    ids.push(refused);
    world.ledger.assert_holds(&ids);
    assert_eq!(RejectedFiles::of(world.dir.path()).count().unwrap(), 0);
}

#[test]
fn one_item_that_spoils_a_batch_is_found_and_the_others_arrive() {
    for status in [400, 413, 422] {
        let world = World::new();
        world.ledger.poison("thing 13", status);
        let probe = world.probe();
        let mut ids = probe.submit_all((0..40).map(evidence)).unwrap();
        assert!(probe.flush(PATIENCE), "{status}: {:?}", probe.status());
        let refused = ids.remove(13);
        world.ledger.assert_holds(&ids);
        let kept = RejectedFiles::of(world.dir.path()).list().unwrap();
        assert_eq!(kept.len(), 1, "{status}");
        assert_eq!(kept[0].1.evidence["id"], refused.to_string());
    }
}

#[test]
fn a_page_of_something_in_between_refuses_nothing() {
    let world = World::new();
    world.ledger.fault([400, 403, 404, 405, 413, 415, 422].map(Fault::Page));
    let probe = world.probe();
    let ids = submit(&probe, 2);
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    assert_eq!(RejectedFiles::of(world.dir.path()).count().unwrap(), 0);
}

#[test]
fn evidence_that_would_be_refused_is_not_accepted() {
    let world = World::new();
    let probe = world.probe();
    let wrong = Evidence { controls: Vec::new(), ..evidence(1) };
    assert!(matches!(probe.submit(wrong), Err(SubmitError::Evidence(_))));
    let large = Evidence { summary: Some("x".repeat(600 << 10)), ..evidence(1) };
    assert!(matches!(probe.submit(large), Err(SubmitError::Evidence(_))));
    assert_eq!(probe.status().waiting, 0);
}

#[test]
fn the_same_id_is_one_piece_of_evidence() {
    let world = World::new();
    let probe = world.probe();
    let id = probe.submit(evidence(1)).unwrap();
    assert!(probe.flush(PATIENCE));
    let again = Evidence { id: Some(id), observed_to: Some(crate::start_time()), ..evidence(2) };
    probe.submit(again).unwrap();
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&[id]);
    // The second had another body: it is not silently dropped.
    assert_eq!(RejectedFiles::of(world.dir.path()).count().unwrap(), 1);
}

#[test]
fn heartbeats_tell_the_cadence_and_what_waits() {
    let world = World::new();
    world.ledger.fault([Fault::Down]);
    let config = Config { heartbeat: Duration::from_secs(30), ..world.config() }.probe("models");
    let probe = Probe::with_parts(config, world.parts()).unwrap();
    let beats = || {
        world.ledger.seen().into_iter().filter(|s| s.path.ends_with("/models/heartbeat")).collect::<Vec<_>>()
    };
    eventually("several heartbeats", || beats().len() >= 4);
    let id = probe.submit(evidence(1)).unwrap();
    assert!(probe.flush(PATIENCE));
    drop(probe);
    world.ledger.assert_holds(&[id]);
    let beats = beats();
    assert_eq!(beats[1].body["cadence_seconds"], 30);
    assert!(beats[2].at.since(beats[1].at) >= Duration::from_secs(30));
    let sent = world.ledger.seen().into_iter().find(|s| s.path.ends_with("/batch")).unwrap();
    assert_eq!(sent.body["items"][0]["probe"], "models");
}

#[test]
fn a_probe_that_is_not_registered_hands_in_evidence_all_the_same() {
    let world = World::new();
    world.ledger.probe_known(false);
    let config = world.config().probe("models");
    let probe = Probe::with_parts(config, world.parts()).unwrap();
    let id = probe.submit(evidence(1)).unwrap();
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&[id]);
    eventually("the status tells", || {
        probe.status().last_error.is_some_and(|error| error.what.starts_with("heartbeat: 404"))
    });
}

/// A framework that nobody imported must not fill the disk with refused evidence: then the rest waits.
#[test]
fn what_is_set_aside_has_a_bound() {
    let world = World::new();
    let rejected = world.dir.path().join("rejected");
    std::fs::create_dir_all(&rejected).unwrap();
    for n in 0..ledger_probe::kept::REJECTED_MAX {
        std::fs::write(rejected.join(format!("{n}.json")), "{}").unwrap();
    }
    world.ledger.control_unknown("host-1", true);
    let probe = world.probe();
    probe.submit(evidence(1)).unwrap();
    eventually("the status tells", || {
        probe.status().last_error.is_some_and(|error| error.what.contains("were refused"))
    });
    assert_eq!(probe.status().waiting, 1);
    std::fs::remove_file(rejected.join("0.json")).unwrap();
    assert!(probe.flush(PATIENCE), "{:?}", probe.status());
}
