//! What one process at a time does: each duty has a lease, held by the process that does it.
//!
//! One task holds all leases of a process with one statement, more often than they end. A process that cannot reach the
//! store lets its duties go before others may take them; what still slips through is refused by what each duty writes to:
//! streams by their revision, places by their epoch.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Leases;
use crate::error::StoreError;

/// How long a lease is held beyond the last time it was kept: others take over after so long.
const TTL: Duration = Duration::from_secs(5);
/// How often leases are kept, and asked for.
const KEEP_EVERY: Duration = Duration::from_secs(1);
/// A process that could not keep its leases for so long stops what they are for. A question without an answer takes up to
/// [`KEEP_EVERY`], and so does the rest before it: both fit before the leases end.
const LET_GO: Duration = Duration::from_secs(3);

/// Longer than anything that is done alone takes.
const ALONE_TTL: Duration = Duration::from_secs(30);
/// How often a turn is asked for.
const TURN: Duration = Duration::from_millis(100);

/// The duties of this process.
pub struct Duties {
    leases: Arc<dyn Leases>,
    holder: String,
    /// Nobody else can have the store: whatever is wanted is held.
    alone: bool,
    wanted: Mutex<BTreeMap<String, watch::Sender<Option<u64>>>>,
    hurry: Notify,
    /// Changes when a lease was taken or lost.
    changed: watch::Sender<u64>,
}

impl Duties {
    /// Duties of the process that calls itself `holder`; `alone`: nobody else can have the store.
    pub fn new(leases: Arc<dyn Leases>, holder: String, alone: bool) -> Self {
        Self {
            leases,
            holder,
            alone,
            wanted: Mutex::default(),
            hurry: Notify::new(),
            changed: watch::Sender::new(0),
        }
    }

    /// Asks for a duty; the epoch under which it is held, as long as it is.
    pub fn want(&self, name: &str) -> watch::Receiver<Option<u64>> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let duty = wanted.entry(name.to_owned()).or_insert_with(|| {
            self.hurry.notify_one();
            watch::Sender::new(self.alone.then_some(1))
        });
        duty.subscribe()
    }

    /// Does this process do it? If nobody does, it soon will.
    pub fn holds(&self, name: &str) -> bool {
        self.alone || self.want(name).borrow().is_some()
    }

    /// Gives duties up that `done` says are done, so that others need not wait for their end.
    pub async fn give_up(&self, done: impl Fn(&str) -> bool) {
        let names: Vec<String> = {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            let names: Vec<String> = wanted.keys().filter(|name| done(name)).cloned().collect();
            names.iter().for_each(|name| drop(wanted.remove(name)));
            names
        };
        if !names.is_empty() {
            // Leases that could not be given back end by themselves.
            drop(self.leases.release(&names, &self.holder).await);
        }
    }

    /// Does something that two processes must not do at the same time, and waits for its turn.
    ///
    /// # Errors
    /// The store's.
    pub async fn alone<T>(&self, name: &str, work: impl Future<Output = T>) -> Result<T, StoreError> {
        let names = [name.to_owned()];
        while !self.alone && self.leases.hold(&names, &self.holder, ALONE_TTL).await? == [None] {
            tokio::time::sleep(TURN).await;
        }
        let done = work.await;
        if !self.alone {
            self.leases.release(&names, &self.holder).await?;
        }
        Ok(done)
    }

    /// Told when a duty was taken or lost.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The duties that this process does.
    pub fn held(&self) -> Vec<String> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter(|(_, duty)| duty.borrow().is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// How this process calls itself.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// All leases of all processes.
    pub fn leases(&self) -> &Arc<dyn Leases> {
        &self.leases
    }

    /// Keeps leases until `stop` turns true, and then gives all back: call that after everything that they are for ended.
    pub async fn keep(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut kept = Instant::now();
        loop {
            let names: Vec<String> =
                self.wanted.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
            if !self.alone && !names.is_empty() {
                let asked = Instant::now();
                let held =
                    tokio::time::timeout(KEEP_EVERY, self.leases.hold(&names, &self.holder, TTL)).await;
                match held {
                    Ok(Ok(epochs)) => {
                        kept = asked;
                        self.tell(names.iter().zip(epochs));
                    }
                    // Whatever else needs the store says what is wrong with it.
                    Ok(Err(_)) | Err(_) if kept.elapsed() > LET_GO => {
                        self.tell(names.iter().map(|name| (name, None)));
                    }
                    Ok(Err(_)) | Err(_) => {}
                }
            }
            tokio::select! {
                () = tokio::time::sleep(KEEP_EVERY) => {}
                () = self.hurry.notified() => {}
                // A sender that is gone stops as well.
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.give_up(|_| true).await;
    }

    fn tell<'a>(&self, epochs: impl Iterator<Item = (&'a String, Option<u64>)>) {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for (name, epoch) in epochs {
            let Some(duty) = wanted.get(name) else { continue };
            changed |= duty.send_if_modified(|held| std::mem::replace(held, epoch) != epoch);
        }
        drop(wanted);
        if changed {
            self.changed.send_modify(|count| *count += 1);
        }
    }

    /// Does `work` whenever this process holds the duty, until `stop` turns true. `work` is given its epoch and ends when
    /// its own stop turns true: when the lease is lost, or with everything.
    pub async fn perform<F>(
        self: Arc<Self>,
        name: &'static str,
        mut stop: watch::Receiver<bool>,
        work: impl Fn(u64, watch::Receiver<bool>) -> F,
    ) where
        F: Future<Output = ()>,
    {
        let mut held = self.want(name);
        loop {
            let taken = async { held.wait_for(Option::is_some).await.ok().and_then(|held| *held) };
            let epoch = tokio::select! {
                epoch = taken => epoch,
                () = turns_true(&mut stop) => return,
            };
            let Some(epoch) = epoch else { return };
            let (end, ended) = watch::channel(false);
            let working = work(epoch, ended);
            tokio::pin!(working);
            let lost = async { held.wait_for(|held| *held != Some(epoch)).await.is_ok() };
            let stopping = tokio::select! {
                () = &mut working => continue,
                _ = lost => false,
                () = turns_true(&mut stop) => true,
            };
            end.send_replace(true);
            working.await;
            if stopping {
                return;
            }
        }
    }
}

async fn turns_true(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone stops as well.
    drop(stop.wait_for(|stop| *stop).await.map(|_| ()));
}

#[cfg(test)]
mod tests;
