//! The fold thread: follows the current generation, builds one if there is none, and switches to a rebuilt one.

use std::sync::Arc;
use std::time::Duration;

use ledger::readmodel::ReadModels;
use tokio::sync::{mpsc, oneshot};

use super::build::{BuildProgress, Builder, RebuildReport};
use super::feed::{Fed, Feed};
use super::session::Session;
use super::shared::{RunnerStatus, Shared};
use super::{FOLLOW_BATCH_EVENTS, PAUSE_MAX, PAUSE_MIN, RunError, RunnerOptions};
use crate::views::ViewError;

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
}

enum Next<M: ReadModels> {
    Fed(Result<Fed<M::Event>, RunError>),
    Switch(Box<Switch<M>>),
}

impl<M: ReadModels> Follower<M> {
    /// Runs until it is stopped or cannot go on.
    pub fn run(mut self) {
        let mut pause = PAUSE_MIN;
        loop {
            let before = *self.shared.position.borrow();
            let Err(error) = self.follow();
            if self.stopped() {
                let reason = RunError::Stopped.to_string();
                self.shared.status.send_replace(RunnerStatus::Stopped { reason });
                return;
            }
            if !error.retryable() {
                self.shared.status.send_replace(RunnerStatus::Stopped { reason: error.to_string() });
                return;
            }
            self.shared.status.send_replace(RunnerStatus::Retrying { reason: error.to_string() });
            if *self.shared.position.borrow() > before {
                pause = PAUSE_MIN;
            }
            self.wait(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn stopped(&self) -> bool {
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

    fn follow(&mut self) -> Result<std::convert::Infallible, RunError> {
        let mut session = match self.builder.store.current() {
            Some(generation) => Session::open(&self.builder.models, generation)?,
            None => self.build()?,
        };
        self.shared.begin(session.position, &session.logs, session.in_quarantine());
        let mut feed = self.builder.feed(&session);
        self.shared.status.send_replace(RunnerStatus::Following);
        loop {
            match self.next(&mut feed) {
                Next::Fed(fed) => self.take(&mut session, &mut feed, fed?)?,
                Next::Switch(switch) => {
                    drop(feed);
                    session = self.switch(session, *switch)?;
                    feed = self.builder.feed(&session);
                }
            }
        }
    }

    fn build(&self) -> Result<Session<M>, RunError> {
        let tell = |BuildProgress { done, total, .. }| {
            self.shared.status.send_replace(RunnerStatus::Building { done, total });
        };
        let mut session = self.builder.build(&tell)?;
        self.builder.switch(None, &mut session)?;
        session.in_quarantine().iter().for_each(|entry| (self.options.on_poison)(entry));
        Ok(session)
    }

    fn next(&mut self, feed: &mut Feed<M::Event>) -> Next<M> {
        let switches = &mut self.switches;
        self.builder.runtime.block_on(async {
            tokio::select! {
                Some(switch) = switches.recv() => Next::Switch(Box::new(switch)),
                fed = feed.recv() => Next::Fed(fed.unwrap_or(Err(RunError::Stopped))),
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

    fn switch(&self, mut blue: Session<M>, switch: Switch<M>) -> Result<Session<M>, RunError> {
        let Switch { mut green, reply } = switch;
        let switched = self.builder.switch(Some(&mut blue), &mut green);
        let (session, answer) = match switched {
            Ok(report) => (green, Ok(report)),
            Err(RunError::Views(error)) => (blue, Err(error)),
            Err(error) => (blue, Err(ViewError::Unavailable(error.to_string()))),
        };
        self.shared.begin(session.position, &session.logs, session.in_quarantine());
        // Whoever asked may have gone: the read models are the new ones all the same.
        let _ = reply.send(answer);
        Ok(session)
    }
}
