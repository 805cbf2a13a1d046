//! The fold thread: follows the current generation, builds one if there is none, and switches to a rebuilt one; or
//! watches another process do so.

use std::sync::Arc;
use std::time::Duration;

use ledger::readmodel::ReadModels;
use tokio::sync::{mpsc, oneshot};

use super::build::{BuildProgress, Builder, RebuildReport};
use super::feed::{Fed, Feed};
use super::session::Session;
use super::shared::{Role, RunnerStatus, Shared};
use super::watch::Fenced;
use super::{FOLLOW_BATCH_EVENTS, LOOK_IDLE, PAUSE_MAX, PAUSE_MIN, RunError, RunnerOptions};
use crate::views::{Generation, ViewError};

/// A built generation that is to take over.
pub(super) struct Switch<M: ReadModels> {
    pub green: Session<M>,
    pub reply: oneshot::Sender<Result<RebuildReport, ViewError>>,
}

pub(super) struct Follower<M: ReadModels> {
    pub builder: Builder<M>,
    pub shared: Arc<Shared>,
    pub options: RunnerOptions,
    pub switches: mpsc::UnboundedReceiver<Switch<M>>,
    /// Another process has claimed what this one followed.
    pub fenced: Option<Fenced>,
}

enum Next<M: ReadModels> {
    Fed(Result<Fed<M::Event>, RunError>),
    Switch(Box<Switch<M>>),
    /// Others may have changed something.
    Look,
}

/// This process is to do the other thing: to fold if it watched, to watch if it folded.
pub(super) struct Changed;

impl<M: ReadModels> Follower<M> {
    /// Nothing is done yet.
    pub fn new(
        builder: Builder<M>,
        shared: Arc<Shared>,
        options: RunnerOptions,
        switches: mpsc::UnboundedReceiver<Switch<M>>,
    ) -> Self {
        Self { builder, shared, options, switches, fenced: None }
    }

    /// Runs until it is stopped or cannot go on.
    pub fn run(mut self) {
        let mut pause = PAUSE_MIN;
        loop {
            let before = *self.shared.position.borrow();
            let folds = self.fenced.is_none() && *self.options.folds.borrow_and_update();
            let done = if folds { self.follow() } else { self.watch() };
            if self.stopped() {
                let reason = RunError::Stopped.to_string();
                self.shared.say(RunnerStatus::Stopped { reason });
                return;
            }
            let error = match done {
                Ok(Changed) => continue,
                Err(error) => error,
            };
            if !error.retryable() {
                self.shared.say(RunnerStatus::Stopped { reason: error.to_string() });
                return;
            }
            self.shared.say(RunnerStatus::Retrying { reason: error.to_string() });
            if *self.shared.position.borrow() > before {
                pause = PAUSE_MIN;
            }
            self.wait(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    pub fn stopped(&self) -> bool {
        *self.builder.stop.borrow() || self.builder.stop.has_changed().is_err()
    }

    fn wait(&self, pause: Duration) {
        let mut stop = self.builder.stop.clone();
        // An elapsed pause and a stop both end the wait; which of them it was is asked by the caller.
        let _ = self
            .builder
            .runtime
            .block_on(async { tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.map(|_| ()) });
    }

    fn follow(&mut self) -> Result<Changed, RunError> {
        self.builder.store.refresh()?;
        let current = self.builder.store.current();
        self.shared.role.send_replace(Role::Folding);
        let known = current.map(|generation| Session::open(&self.builder.models, generation)).transpose()?;
        let mut session = match known {
            Some(session) if self.builder.folds_this_log(&session)? => session,
            // None, or they tell of events that are gone.
            _ => self.build()?,
        };
        match self.fold(&mut session) {
            Err(RunError::Views(ViewError::Fenced { .. })) => {
                self.fenced = Some(Fenced::from(&session.generation));
                Ok(Changed)
            }
            done => done,
        }
    }

    fn fold(&mut self, session: &mut Session<M>) -> Result<Changed, RunError> {
        self.shared.begin(session.position, &session.logs, session.in_quarantine());
        let mut feed = self.builder.feed(session);
        self.shared.say(RunnerStatus::Following);
        loop {
            match self.next(&mut feed) {
                Next::Fed(fed) => self.take(session, &mut feed, fed?)?,
                Next::Switch(switch) => {
                    drop(feed);
                    self.switch(session, *switch)?;
                    feed = self.builder.feed(session);
                }
                Next::Look if !*self.options.folds.borrow() => return Ok(Changed),
                Next::Look if self.replaced(&session.generation)? => {
                    self.fenced = Some(Fenced::from(&session.generation));
                    return Ok(Changed);
                }
                Next::Look => {}
            }
        }
    }

    /// Has another process published other read models? With nothing to fold, no commit would tell.
    fn replaced(&self, followed: &Arc<dyn Generation>) -> Result<bool, RunError> {
        self.builder.store.refresh()?;
        Ok(self.builder.store.current().is_none_or(|current| !Arc::ptr_eq(&current, followed)))
    }

    fn build(&self) -> Result<Session<M>, RunError> {
        let tell = |BuildProgress { done, total, .. }| {
            self.shared.say(RunnerStatus::Building { done, total });
        };
        let mut session = self.builder.build(&tell)?;
        self.builder.switch(None, &mut session)?;
        session.in_quarantine().iter().for_each(|entry| (self.options.on_poison)(entry));
        Ok(session)
    }

    fn next(&mut self, feed: &mut Feed<M::Event>) -> Next<M> {
        let (switches, folds) = (&mut self.switches, &mut self.options.folds);
        self.builder.runtime.block_on(async {
            tokio::select! {
                Some(switch) = switches.recv() => Next::Switch(Box::new(switch)),
                fed = feed.recv() => Next::Fed(fed.unwrap_or(Err(RunError::Stopped))),
                // Whoever could say something else is gone: it stays as it is.
                Ok(()) = folds.changed() => Next::Look,
                () = tokio::time::sleep(LOOK_IDLE) => Next::Look,
            }
        })
    }

    /// Folds what was fed, and what else is there already, into one commit.
    fn take(
        &self,
        session: &mut Session<M>,
        feed: &mut Feed<M::Event>,
        fed: Fed<M::Event>,
    ) -> Result<(), RunError> {
        let Fed::Batch(batch) = fed else { return Ok(()) };
        let mut waiting = batch.events.len();
        session.fold(&batch)?;
        while waiting < FOLLOW_BATCH_EVENTS {
            match feed.try_recv() {
                Ok(Ok(Fed::Batch(batch))) => {
                    waiting += batch.events.len();
                    session.fold(&batch)?;
                }
                Ok(Ok(Fed::CaughtUp)) => {}
                Ok(Err(error)) => {
                    // What came before the failure counts.
                    self.commit(session)?;
                    return Err(error);
                }
                Err(_) => break,
            }
        }
        self.commit(session)
    }

    fn commit(&self, session: &mut Session<M>) -> Result<(), RunError> {
        let folded = session.commit()?;
        self.shared.advance(&folded);
        folded
            .poisoned
            .iter()
            .filter(|entry| entry.held == 0)
            .for_each(|entry| (self.options.on_poison)(entry));
        Ok(())
    }

    /// Puts a built generation in the place of the one that a session follows. If that fails, the session is not to be
    /// used any more: it may have folded what is not stored.
    pub fn switch(&self, session: &mut Session<M>, switch: Switch<M>) -> Result<(), RunError> {
        let Switch { mut green, reply } = switch;
        // Whoever asked may have gone: the read models are the new ones all the same.
        match self.builder.switch(Some(session), &mut green) {
            Ok(report) => {
                *session = green;
                self.shared.begin(session.position, &session.logs, session.in_quarantine());
                drop(reply.send(Ok(report)));
                Ok(())
            }
            Err(error) => {
                let reason = error.to_string();
                let error = match error {
                    RunError::Views(error) => error,
                    other => ViewError::Unavailable(other.to_string()),
                };
                drop(reply.send(Err(error)));
                Err(ViewError::Unavailable(format!("rebuilt read models were not put in place: {reason}"))
                    .into())
            }
        }
    }
}
