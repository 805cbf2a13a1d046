//! Watches another process fold: how far it is, what it holds in quarantine, and whether it goes on.

use std::sync::Arc;
use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger::readmodel::ReadModels;

use super::follow::{Changed, Follower, Switch};
use super::session::{Folded, Session};
use super::shared::{Role, RunnerStatus};
use super::{LOOK_IDLE, LOOK_MAX, LOOK_MIN, RunError, STALLED};
use crate::views::{Generation, Progress, ViewError};

/// How this process came to be fenced off.
pub(super) struct Fenced {
    /// What it followed.
    from: Arc<dyn Generation>,
}

impl Fenced {
    /// Another process has claimed this generation.
    pub fn from(generation: &Arc<dyn Generation>) -> Self {
        Self { from: Arc::clone(generation) }
    }
}

/// What was seen of the process that folds.
struct Seen {
    generation: Arc<dyn Generation>,
    position: u64,
    /// Since it was seen to move, or to have nothing to do.
    since: Stopwatch,
}

enum Woken<M: ReadModels> {
    /// It is to be looked again.
    Look,
    /// Someone waits, or something new was told: look again at once, and soon after.
    Soon,
    Switch(Box<Switch<M>>),
}

impl<M: ReadModels> Follower<M> {
    /// Watches until this process is to fold.
    pub fn watch(&mut self) -> Result<Changed, RunError> {
        self.shared.role.send_replace(Role::Watching);
        let mut seen: Option<Seen> = None;
        let mut pause = LOOK_MIN;
        loop {
            self.builder.store.refresh()?;
            let moved = self.observe(&mut seen)?;
            if self.may_fold(seen.as_ref()) {
                self.fenced = None;
                return Ok(Changed);
            }
            pause = if moved { LOOK_MIN } else { (pause * 2).min(LOOK_MAX) };
            match self.woken(pause) {
                Woken::Look => {}
                Woken::Soon => pause = LOOK_MIN,
                Woken::Switch(switch) => {
                    self.publish(*switch);
                    seen = None;
                }
            }
            if self.stopped() {
                return Err(RunError::Stopped);
            }
        }
    }

    /// Looks how far the process that folds is, and tells it. Has it moved?
    fn observe(&self, seen: &mut Option<Seen>) -> Result<bool, RunError> {
        let head = *self.builder.events.subscribe().borrow();
        let Some(generation) = self.builder.store.current() else {
            *seen = None;
            self.shared.say(RunnerStatus::Building { done: 0, total: head });
            return Ok(false);
        };
        let known = seen.as_ref().filter(|seen| Arc::ptr_eq(&seen.generation, &generation));
        let since = known.map_or(0, |seen| seen.position);
        let Progress { position, whole, logs, poisoned } = generation.progress(since)?;
        let moved = known.is_none() || position != since;
        if known.is_none() || whole {
            self.shared.begin(position, &logs.into_iter().collect(), poisoned);
        } else if moved {
            self.shared.advance(&Folded { position, logs, poisoned });
        }
        self.shared.say(RunnerStatus::Following);
        match seen {
            Some(seen) if !moved && position < head => seen.position = position,
            _ => *seen = Some(Seen { generation, position, since: Stopwatch::start() }),
        }
        Ok(moved)
    }

    /// Is this process to fold now?
    fn may_fold(&mut self, seen: Option<&Seen>) -> bool {
        let folds = &mut self.options.folds;
        let Some(Fenced { from }) = &self.fenced else { return *folds.borrow_and_update() };
        if !*folds.borrow() && !*folds.borrow_and_update() {
            // The next grant is a new one.
            self.fenced = None;
            return false;
        }
        // Whoever fenced it off may have done so because the grant has passed on, which is told in a moment. So it waits
        // until it is told again, or the other one has published what it wanted to, or does not go on.
        folds.has_changed().unwrap_or(false)
            || seen.is_none_or(|seen| !Arc::ptr_eq(&seen.generation, from) || seen.since.elapsed() >= STALLED)
    }

    fn woken(&mut self, pause: Duration) -> Woken<M> {
        let mut head = self.builder.events.subscribe();
        let behind = *head.borrow_and_update() > *self.shared.position.borrow();
        let pause = if behind { pause } else { LOOK_IDLE };
        let mut stop = self.builder.stop.clone();
        // What is told is taken as seen by `may_fold`, not here.
        let mut folds = self.options.folds.clone();
        let (switches, hurry) = (&mut self.switches, &self.shared.hurry);
        self.builder.runtime.block_on(async {
            tokio::select! {
                Some(switch) = switches.recv() => Woken::Switch(Box::new(switch)),
                Ok(()) = folds.changed() => Woken::Soon,
                () = hurry.notified(), if behind => Woken::Soon,
                Ok(()) = head.changed(), if !behind => Woken::Soon,
                _ = stop.wait_for(|stop| *stop) => Woken::Soon,
                () = tokio::time::sleep(pause) => Woken::Look,
            }
        })
    }

    /// Puts read models that were built here in the place of those that another process folds, which goes on with the
    /// new ones.
    fn publish(&self, switch: Switch<M>) {
        let current = self.builder.store.current().ok_or(ViewError::NotBuilt);
        match current.and_then(|generation| Session::open(&self.builder.models, generation)) {
            // What failed is told to whoever asked; here nothing is folded.
            Ok(mut session) => drop(self.switch(&mut session, switch)),
            // Whoever asked may have gone.
            Err(error) => drop(switch.reply.send(Err(error))),
        }
    }
}
