//! A full disk and a full spool: refused or waited for, never dropped.

use std::process::Command;
use std::sync::Arc;

use ledger_probe::spool::{SPOOL_BYTES_MIN, SpoolError};
use ledger_probe::{Config, Evidence, Probe, SubmitError, WhenFull};

use crate::ledger::Fault;
use crate::{PATIENCE, World, evidence, start_time};

fn large(n: usize) -> Evidence {
    evidence(n).summary("x".repeat(200 << 10))
}

fn small_spool(world: &World, when_full: WhenFull) -> Probe {
    let config = Config { spool_bytes_max: SPOOL_BYTES_MIN, ..world.config() }.when_full(when_full);
    Probe::with_parts(config, world.parts()).unwrap()
}

#[test]
fn a_full_spool_refuses_what_it_cannot_keep() {
    let world = World::new();
    world.ledger.fault(std::iter::repeat_n(Fault::Down, 100_000));
    let probe = small_spool(&world, WhenFull::Error);
    let mut ids = Vec::new();
    let refused = loop {
        match probe.submit(large(ids.len())) {
            Ok(id) => ids.push(id),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SubmitError::Spool(SpoolError::Full { .. })), "{refused}");
    assert_eq!(ids.len(), 10);
    world.ledger.forget_faults();
    assert!(probe.flush(PATIENCE));
    ids.push(probe.submit(large(11)).unwrap());
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
}

#[test]
fn a_full_spool_can_make_submit_wait() {
    let world = World::new();
    world.ledger.down_until(start_time().plus(std::time::Duration::from_secs(600)));
    let probe = Arc::new(small_spool(&world, WhenFull::Block));
    // Three times what fits: submit returns for the last only after the first have left.
    let ids: Vec<_> = (0..30).map(|n| probe.submit(large(n)).unwrap()).collect();
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
}

/// A real full disk: a tmpfs of 1 MiB. Needs the right to mount; the failing disk of the spool's own tests does not.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let world = World::new();
    let dir = world.dir.path();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(dir).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("left out: mounting a tmpfs is not permitted here");
        return;
    }
    let unmount = Unmount(dir.to_owned());
    world.ledger.fault(std::iter::repeat_n(Fault::Down, 100_000));
    let probe = world.probe();
    let mut ids = Vec::new();
    let refused = loop {
        match probe.submit(large(ids.len())) {
            Ok(id) => ids.push(id),
            Err(error) => break error,
        }
    };
    let SubmitError::Spool(SpoolError::Io { error, .. }) = &refused else { panic!("{refused}") };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(!ids.is_empty());
    world.ledger.forget_faults();
    assert!(probe.flush(PATIENCE), "{:?}", probe.status());
    ids.push(probe.submit(evidence(0)).unwrap());
    assert!(probe.flush(PATIENCE));
    world.ledger.assert_holds(&ids);
    drop(probe);
    drop(unmount);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).output());
    }
}
