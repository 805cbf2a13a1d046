//! The committer: one thread that owns the write side, drains what waits and commits it together.
//!
//! **When a commit fails** its outcome is unknown: the transaction's pages may lie complete in the WAL though
//! SQLite reported an error, and would come back at the next start. So the core is dropped, the database opened
//! again, and a *fence* is committed: a small transaction that takes the failed one's place in the WAL, whose
//! frames are chained by checksum. Once the fence is durable, what can be read is what is stored, and each append
//! is looked up by the hash of its last event: no false acknowledgement, no duplicate. Without a fence the answer
//! is [`StoreError::OutcomeUnknown`].

use std::sync::Arc;

use ledger_store::{Append, StoreError, Verdict};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::checkpointer::{self, Checkpointer};
use crate::core::{CommitFailure, Core};
use crate::error::CoreError;
use crate::open::Opener;
use crate::options::GROUP_EVENTS_MAX;
use crate::portable::Order;
use crate::store::Shared;

/// A change of side data, made by the committer between two commits.
pub(crate) type SideJob = Box<dyn FnOnce(Result<&mut Core, StoreError>) -> Result<(), CoreError> + Send>;

/// What callers ask of the committer.
pub(crate) enum Request {
    Append(AppendRequest),
    Side(SideJob),
}

/// Appends of one caller.
pub(crate) struct AppendRequest {
    pub appends: Vec<Append>,
    pub order: Order,
    pub reply: oneshot::Sender<Result<Vec<Verdict>, StoreError>>,
    /// Room in the queue, given back when the request is dropped.
    pub _room: OwnedSemaphorePermit,
}

/// The committer's thread.
pub(crate) struct Committer {
    opener: Opener,
    /// `None` after an error, until the database could be opened again.
    core: Option<Core>,
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    group: Vec<AppendRequest>,
    checkpointer: Checkpointer,
}

impl Committer {
    pub fn new(
        opener: Opener,
        core: Core,
        shared: Arc<Shared>,
        requests: mpsc::Receiver<Request>,
        checkpointer: Checkpointer,
    ) -> Self {
        Self { opener, core: Some(core), shared, requests, group: Vec::new(), checkpointer }
    }

    /// Works until every sender is gone and what waits is done.
    pub fn run(mut self) {
        while let Some(request) = self.requests.blocking_recv() {
            let mut next = Some(request);
            while let Some(request) = next.take() {
                match request {
                    Request::Append(request) => {
                        let alone = request.order == Order::AsGiven;
                        self.group.push(request);
                        next = if alone { None } else { self.fill() };
                        self.commit();
                    }
                    Request::Side(job) => self.side(job),
                }
            }
        }
        if let Some(core) = &self.core {
            // A short WAL makes the next start short; a failure leaves it long.
            drop(checkpointer::truncate(&core.conn));
        }
    }

    /// Adds what waits to the group, up to its bound. Gives the first request that is no append.
    fn fill(&mut self) -> Option<Request> {
        let mut events = self.group.iter().map(AppendRequest::events).sum::<usize>();
        while events < GROUP_EVENTS_MAX {
            match self.requests.try_recv() {
                Ok(Request::Append(request)) if request.order == Order::ByTenant => {
                    events += request.events();
                    self.group.push(request);
                }
                Ok(other) => return Some(other),
                Err(_) => return None,
            }
        }
        None
    }

    fn commit(&mut self) {
        #[cfg(test)]
        if self.opener.weakness().answer_before_commit {
            return self.commit_weakly();
        }
        let group = std::mem::take(&mut self.group);
        let order = group.first().map_or(Order::ByTenant, |request| request.order);
        let appends: Vec<&Append> = group.iter().flat_map(|request| &request.appends).collect();
        let outcome = match self.core() {
            Ok(core) => match core.commit(&appends, order) {
                Ok(verdicts) => Ok(verdicts),
                Err(failure) => self.resolve(&appends, order, &failure),
            },
            Err(error) => Err(error),
        };
        if let Some(core) = &self.core {
            self.shared.announce(core.position());
        }
        answer(group, outcome);
        if let Some(core) = &mut self.core {
            // After the answers. Pages that cannot be copied stay in the WAL, where they are safe.
            drop(self.checkpointer.after_commit(core));
        }
    }

    /// The control of the crash suite: answers first.
    #[cfg(test)]
    fn commit_weakly(&mut self) {
        let group = std::mem::take(&mut self.group);
        let appends: Vec<&Append> = group.iter().flat_map(|request| &request.appends).collect();
        let core = self.core().expect("the control runs on a healthy disk");
        let (verdicts, changed) =
            core.write(&appends, Order::ByTenant).expect("the control runs on a healthy disk");
        answer(group, Ok(verdicts));
        core.finish(&changed).expect("the control runs on a healthy disk");
    }

    /// The core, opened again if the last commit failed.
    fn core(&mut self) -> Result<&mut Core, StoreError> {
        if self.core.is_none() {
            let core = self.opener.reopen(&self.shared.names).map_err(|error| error.nothing_happened())?;
            self.core = Some(core);
        }
        Ok(self.core.as_mut().expect("it was just opened"))
    }

    /// Finds out what became of a failed commit.
    fn resolve(
        &mut self,
        appends: &[&Append],
        order: Order,
        failure: &CommitFailure,
    ) -> Result<Vec<Verdict>, StoreError> {
        self.core = None;
        #[cfg(test)]
        if self.opener.weakness().commit_error_means_no {
            return Err(failure.error.nothing_happened());
        }
        if failure.before_commit {
            return Err(failure.error.nothing_happened());
        }
        let unknown = |error: &dyn std::fmt::Display| StoreError::OutcomeUnknown {
            reason: format!("{}; then {error}", failure.error),
        };
        let core = self.core().map_err(|error| unknown(&error))?;
        let found: Vec<Option<Verdict>> = appends
            .iter()
            .map(|a| core.find(a))
            .collect::<Result<_, _>>()
            .map_err(|error| unknown(&error))?;
        if found.iter().all(Option::is_none) {
            return Err(failure.error.nothing_happened());
        }
        // A transaction is there whole or not at all: what is missing was refused, and is refused again.
        let missing: Vec<&Append> =
            appends.iter().zip(&found).filter(|(_, found)| found.is_none()).map(|(a, _)| *a).collect();
        let refused = core.commit(&missing, order).map_err(|failure| unknown(&failure.error));
        if refused.is_err() {
            self.core = None;
        }
        let mut refused = refused?.into_iter();
        Ok(found.into_iter().filter_map(|found| found.or_else(|| refused.next())).collect())
    }

    fn side(&mut self, job: SideJob) {
        let done = match self.core() {
            Ok(core) => job(Ok(core)),
            Err(error) => job(Err(error)),
        };
        if done.is_err() {
            self.core = None;
        }
    }
}

impl AppendRequest {
    fn events(&self) -> usize {
        self.appends.iter().map(|append| append.events().len()).sum()
    }
}

/// Gives every caller its own part. One that has gone away does not need it.
fn answer(group: Vec<AppendRequest>, outcome: Result<Vec<Verdict>, StoreError>) {
    match outcome {
        Ok(verdicts) => {
            let mut verdicts = verdicts.into_iter();
            for AppendRequest { appends, reply, .. } in group {
                drop(reply.send(Ok(verdicts.by_ref().take(appends.len()).collect())));
            }
        }
        Err(error) => group.into_iter().for_each(|request| drop(request.reply.send(Err(error.clone())))),
    }
}
