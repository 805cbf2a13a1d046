//! Outages and wrong clocks, in virtual time.

use std::time::Duration;

use ledger_probe::backoff::LONGEST;

use crate::ledger::Fault;
use crate::{PATIENCE, World, eventually, evidence, start_time};

#[test]
fn an_outage_of_an_hour_is_bridged_with_few_attempts() {
    let world = World::new();
    let hour = Duration::from_secs(3600);
    world.ledger.down_until(start_time().plus(hour));
    let probe = world.probe();
    let ids = probe.submit_all((0..300).map(evidence)).unwrap();
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    let attempts: Vec<_> = world.ledger.seen().into_iter().map(|seen| seen.at.since(start_time())).collect();
    let during = attempts.iter().filter(|at| **at < hour).count();
    // Full jitter up to five minutes: 24 attempts on average, after some ten quick ones.
    assert!((10..100).contains(&during), "{during} attempts in the outage");
    let first_after = attempts.iter().find(|at| **at >= hour).unwrap();
    assert!(*first_after <= hour + LONGEST, "noticed after {first_after:?}");
    assert_eq!(probe.status().failures, 0);
}

#[test]
fn a_wrong_clock_is_corrected_by_the_ledgers() {
    for ahead in [7200, -7200] {
        let world = World::new();
        world.ledger.clock_ahead(ahead);
        let probe = world.probe();
        let ids = probe.submit_all((0..3).map(evidence)).unwrap();
        assert!(probe.flush(PATIENCE));
        world.ledger.assert_holds(&ids);
        // One refusal, then the same batch again: no waiting in between.
        let batches: Vec<_> =
            world.ledger.seen().into_iter().filter(|s| s.path.ends_with("/batch")).collect();
        assert_eq!((batches.len(), batches[1].at), (2, batches[0].at));
        eventually("the status tells", || probe.status().clock_offset_seconds == ahead);

        // The clock is set right: corrected again, once.
        world.ledger.clock_ahead(0);
        let id = probe.submit(evidence(4)).unwrap();
        assert!(probe.flush(PATIENCE));
        world.ledger.assert_holds(&[&ids[..], &[id]].concat());
        eventually("the status tells", || probe.status().clock_offset_seconds == 0);
    }
}

#[test]
fn a_ledger_that_refuses_every_time_is_not_asked_in_a_loop() {
    let world = World::new();
    world.ledger.fault([Fault::AlwaysSkewed; 6]);
    let probe = world.probe();
    let id = probe.submit(evidence(1)).unwrap();
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&[id]);
    let times: Vec<_> =
        world.ledger.seen().into_iter().filter(|s| s.path.ends_with("/batch")).map(|s| s.at).collect();
    assert_eq!(times.len(), 7);
    assert_eq!(
        times.windows(2).filter(|pair| pair[0] == pair[1]).count(),
        1,
        "one immediate correction: {times:?}"
    );
}
