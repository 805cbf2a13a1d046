//! Waiting, as a seam: tests let an hour pass without waiting for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use ledger::clock::ManualClock;

/// Wakes whoever waits for something to change.
#[derive(Debug, Default)]
pub struct Signal {
    changes: Mutex<u64>,
    condvar: Condvar,
}

impl Signal {
    /// How many changes there were. Take it before looking at what may change, then wait from there.
    pub fn seen(&self) -> u64 {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed.
    pub fn raise(&self) {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.condvar.notify_all();
    }

    /// Waits until there is a change after `seen`, or `timeout` is over. Did something change?
    pub fn wait(&self, seen: u64, timeout: Option<Duration>) -> bool {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        match timeout {
            None => {
                drop(
                    self.condvar
                        .wait_while(changes, |now| *now == seen)
                        .unwrap_or_else(PoisonError::into_inner),
                );
                true
            }
            Some(timeout) => {
                let waited = self.condvar.wait_timeout_while(changes, timeout, |now| *now == seen);
                !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
            }
        }
    }
}

/// How the sender waits.
pub trait Sleeper: Send + Sync {
    /// Waits until `signal` changes after `seen`, or `duration` has passed; without a duration only for the change.
    fn sleep(&self, signal: &Signal, seen: u64, duration: Option<Duration>);
}

/// Really waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSleeper;

impl Sleeper for SystemSleeper {
    fn sleep(&self, signal: &Signal, seen: u64, duration: Option<Duration>) {
        signal.wait(seen, duration);
    }
}

/// Moves a manual clock forward instead of waiting. Without a duration it waits for the change.
#[derive(Debug)]
pub struct VirtualSleeper(pub std::sync::Arc<ManualClock>);

impl Sleeper for VirtualSleeper {
    fn sleep(&self, signal: &Signal, seen: u64, duration: Option<Duration>) {
        match duration {
            Some(duration) => self.0.advance(duration),
            None => drop(signal.wait(seen, None)),
        }
    }
}
