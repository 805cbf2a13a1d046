//! Runs probe files on their schedules, each on a thread of its own so that a slow one holds up no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::clock::Clock;

use super::collector::Registry;
use super::file::{FileError, ProbeFile};
use super::run::{RunEvent, run_once};
use crate::probe::Probe;
use crate::sleeper::{Signal, Sleeper};

/// Ends the daemon, from a signal handler's thread for example.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<(AtomicBool, Signal)>);

impl Stop {
    /// Ends the daemon after the runs that are under way.
    pub fn stop(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.raise();
    }

    fn is_set(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }
}

/// Runs each file once, then on its schedule, until `stop`.
///
/// The run at the start closes the gap that a restart may have made. A run that takes longer than the schedule's step
/// makes the daemon leave out the times that it missed; it never runs one probe twice at once.
///
/// # Errors
/// [`FileError`] of the first file that is wrong: nothing has run then.
pub fn daemon(
    files: &[ProbeFile],
    registry: &Registry,
    probe: &Probe,
    clock: &dyn Clock,
    sleeper: &dyn Sleeper,
    stop: &Stop,
    tell: &(dyn Fn(RunEvent<'_>) + Sync),
) -> Result<(), FileError> {
    for file in files {
        file.validate(registry)?;
    }
    std::thread::scope(|scope| {
        let jobs: Vec<_> = files
            .iter()
            .map(|file| scope.spawn(|| job(file, registry, probe, clock, sleeper, stop, tell)))
            .collect();
        // A job ends early only with an error of its file, which was checked above.
        jobs.into_iter().try_for_each(|job| job.join().unwrap_or(Ok(())))
    })
}

fn job(
    file: &ProbeFile,
    registry: &Registry,
    probe: &Probe,
    clock: &dyn Clock,
    sleeper: &dyn Sleeper,
    stop: &Stop,
    tell: &(dyn Fn(RunEvent<'_>) + Sync),
) -> Result<(), FileError> {
    let schedule = file.schedule()?;
    while !stop.is_set() {
        // A refusal by the spool was told; the next run may find room.
        drop(run_once(file, registry, probe, clock, tell)?);
        let Some(until) = schedule.next_after(clock.now()) else { return Ok(()) };
        tell(RunEvent::Waiting { probe: file, until });
        loop {
            let seen = stop.0.1.seen();
            let now = clock.now();
            if stop.is_set() || now >= until {
                break;
            }
            sleeper.sleep(&stop.0.1, seen, Some(until.since(now)));
        }
    }
    Ok(())
}
