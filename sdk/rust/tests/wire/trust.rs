//! Only receipts of the pinned log are believed.

use std::sync::Arc;

use ledger_probe::trust::TrustError;
use ledger_probe::{Config, Parts, Probe, StartError, Trust};

use crate::ledger::{Door, Fault, TestLedger};
use crate::{PATIENCE, World, eventually, evidence};

#[test]
fn a_forged_receipt_takes_nothing_off_the_disk() {
    for fault in [Fault::ForeignKey, Fault::FlippedBit, Fault::OtherEvidence] {
        let world = World::new();
        world.ledger.fault([fault; 3]);
        let probe = world.probe();
        let id = probe.submit(evidence(1)).unwrap();
        // The control: an honest receipt ends it, so only the forgeries held it up.
        assert!(probe.flush(PATIENCE));
        world.ledger.assert_holds(&[id]);
        assert_eq!(world.ledger.held()[&id], 4, "{fault:?}: each forgery led to another attempt");
        eventually("the status tells", || {
            let status = probe.status();
            (status.receipts_refused, status.receipts, status.duplicates) == (3, 1, 1)
        });
        assert_eq!(probe.receipts(10).unwrap().len(), 1, "forged receipts are not kept");
    }
}

#[test]
fn the_pinned_log_is_followed_through_rotations() {
    let world = World::new();
    let probe = world.probe();
    let mut ids = vec![probe.submit(evidence(1)).unwrap()];
    assert!(probe.flush(PATIENCE));
    world.ledger.rotate(2);
    ids.push(probe.submit(evidence(2)).unwrap());
    assert!(probe.flush(PATIENCE));
    world.ledger.rotate(3);
    drop(probe);
    let probe = world.probe();
    ids.push(probe.submit(evidence(3)).unwrap());
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    assert_eq!(probe.status().receipts_refused, 0);
    eventually("the pin is told", || probe.status().genesis.as_deref() == Some(&*world.ledger.genesis()));
}

#[test]
fn another_log_at_the_same_address_is_not_believed() {
    let world = World::new();
    let probe = world.probe();
    probe.submit(evidence(1)).unwrap();
    assert!(probe.flush(PATIENCE));
    drop(probe);

    let other = Arc::new(TestLedger::with_seed(Arc::clone(&world.clock) as _, 50));
    let parts = Parts { transport: Some(Box::new(Door(Arc::clone(&other)))), ..world.parts() };
    let probe = Probe::with_parts(world.config(), parts).unwrap();
    probe.submit(evidence(2)).unwrap();
    eventually("refusals", || probe.status().receipts_refused >= 3);
    let status = probe.status();
    assert_eq!(status.waiting, 1);
    assert!(status.last_error.unwrap().what.contains(&other.genesis()));
    drop(probe);

    let probe = world.probe();
    assert!(probe.flush(PATIENCE), "the right ledger takes it");
}

fn policy(genesis: Option<&str>) -> String {
    let pin = genesis.map_or_else(String::new, |genesis| format!("# genesis {genesis}\n"));
    let vkey = "ledger.example/log+11639dd4+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    format!("{pin}log {vkey}\nquorum none\n")
}

#[test]
fn a_given_pin_is_held_from_the_first_answer_on() {
    let world = World::new();
    let wrong = world.config().trust(Trust::Genesis("A".repeat(43)));
    let probe = Probe::with_parts(wrong, world.parts()).unwrap();
    let id = probe.submit(evidence(1)).unwrap();
    eventually("refusals", || probe.status().receipts_refused >= 2);
    assert_eq!(probe.status().waiting, 1);
    drop(probe);

    let file = world.dir.path().join("policy");
    std::fs::write(&file, policy(Some(&world.ledger.genesis()))).unwrap();
    let right = world.config().trust(Trust::File(file.clone()));
    let probe = Probe::with_parts(right, world.parts()).unwrap();
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&[id]);
    drop(probe);

    std::fs::write(&file, policy(None)).unwrap();
    let config = || -> Config { world.config().trust(Trust::File(file.clone())) };
    let error = Probe::with_parts(config(), world.parts()).unwrap_err();
    assert!(matches!(error, StartError::Trust(TrustError::File { .. })), "{error}");
    std::fs::write(&file, policy(Some(&"A".repeat(43)))).unwrap();
    let error = Probe::with_parts(config(), world.parts()).unwrap_err();
    assert!(matches!(error, StartError::Trust(TrustError::OtherLog { .. })), "{error}");
}
