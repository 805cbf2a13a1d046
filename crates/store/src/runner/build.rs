//! Builds a new generation beside the current one, and puts it in its place.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::readmodel::{LogState, Parsed, Parser, ReadModels};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::feed::{self, Fed};
use super::pipeline::Pipelined;
use super::session::Session;
use super::{BUILD_BATCH_EVENTS, PAGE_EVENTS, RunError};
use crate::contract::EventStore;
use crate::error::StoreError;
use crate::read::Read;
use crate::views::{Generation, ViewStore};

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildProgress {
    /// Events folded.
    pub done: u64,
    /// Events in the store when it began; more may come.
    pub total: u64,
    /// All events of the beginning are folded: indexes are built and the file is synced.
    pub settling: bool,
}

/// What a rebuild has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RebuildReport {
    /// The position at which the new read models took the place of the old ones.
    pub position: u64,
    /// Digests that were compared at that position.
    pub compared: usize,
    /// Those that differ, as `tenant projection/version`: the old read models were wrong.
    pub differing: Vec<String>,
}

/// What every build needs.
pub(super) struct Builder<M> {
    pub runtime: Handle,
    pub models: Arc<M>,
    pub events: Arc<dyn EventStore>,
    pub store: Arc<dyn ViewStore>,
    pub hurry: Arc<Notify>,
    pub stop: watch::Receiver<bool>,
}

impl<M: ReadModels> Builder<M> {
    /// Folds all events into a new generation, settles it, and leaves it unpublished.
    pub fn build(&self, progress: &(dyn Fn(BuildProgress) + Sync)) -> Result<Session<M>, RunError> {
        let generation = self.store.begin()?;
        let pipelined = Arc::new(Pipelined::start(Arc::clone(&generation)));
        let mut session = Session::open(&self.models, Arc::clone(&pipelined) as Arc<dyn Generation>)?;
        let total = *self.events.subscribe().borrow();
        let mut feed = self.feed(&session);
        let mut waiting = 0;
        progress(BuildProgress { done: 0, total, settling: false });
        while session.position < total {
            match feed.blocking_recv().unwrap_or(Err(RunError::Stopped))? {
                Fed::Batch(batch) => {
                    waiting += batch.events.len();
                    session.fold(&batch)?;
                }
                Fed::CaughtUp => break,
            }
            if waiting >= BUILD_BATCH_EVENTS {
                session.commit()?;
                waiting = 0;
                progress(BuildProgress { done: session.position, total, settling: false });
            }
        }
        drop(feed);
        session.commit()?;
        pipelined.flush()?;
        progress(BuildProgress { done: session.position, total, settling: true });
        self.store.settle(&generation)?;
        // From here on commits are stored before they return.
        Ok(Session::open(&self.models, generation)?)
    }

    /// The events behind a session's position.
    pub fn feed(&self, session: &Session<M>) -> feed::Feed<M::Event> {
        feed::start(
            self.runtime.clone(),
            Arc::clone(&self.models),
            Arc::clone(&self.events),
            session.position,
            session.logs.clone(),
            Arc::clone(&self.hurry),
            self.stop.clone(),
        )
    }

    /// Was a session folded from these events? A log that went back behind it, as a restored one, may have gone on
    /// otherwise.
    pub fn folds_this_log(&self, session: &Session<M>) -> Result<bool, RunError> {
        if session.position == 0 {
            return Ok(true);
        }
        let page = self.runtime.block_on(self.events.read(Read::all(session.position).limit(1)))?;
        let Some(last) = page.events.first().filter(|last| last.position == session.position) else {
            return Ok(false);
        };
        // Read alone, it tells its own time and no other's.
        let alone = LogState { size: last.index, ..LogState::default() };
        let mut parser = Parser::new(Arc::clone(&self.models), HashMap::from([(last.tenant.clone(), alone)]));
        let Parsed { tenant, log, .. } = parser.parse(feed::raw(last))?;
        let folded = session.logs.get(&tenant);
        Ok(folded.is_some_and(|folded| folded.size == log.size && folded.as_of >= log.as_of))
    }

    /// Folds on up to a position.
    fn advance(&self, session: &mut Session<M>, to: u64) -> Result<(), RunError> {
        let mut parser = Parser::new(Arc::clone(&self.models), session.logs.clone());
        while session.position < to {
            let wanted = usize::try_from(to - session.position).unwrap_or(PAGE_EVENTS).min(PAGE_EVENTS);
            let page =
                self.runtime.block_on(self.events.read(Read::all(session.position + 1).limit(wanted)))?;
            if page.events.is_empty() {
                let what = format!("position {} of {to} is missing", session.position + 1);
                return Err(StoreError::Corrupt { what }.into());
            }
            session.fold(&feed::parse_batch(&mut parser, &page.events)?)?;
            session.commit()?;
        }
        Ok(())
    }

    /// Puts a built generation in the place of the one that is followed: both at the same position, digests compared
    /// (their schema is the same, so are their versions), then published in one step.
    ///
    /// Nothing is folded meanwhile, so that both stand still: reading goes on, from the old read models.
    pub fn switch(
        &self,
        blue: Option<&mut Session<M>>,
        green: &mut Session<M>,
    ) -> Result<RebuildReport, RunError> {
        let mut report = RebuildReport::default();
        if let Some(blue) = blue {
            let meet = blue.position.max(green.position);
            self.advance(blue, meet)?;
            self.advance(green, meet)?;
            let mut tenants: Vec<_> = green.logs.keys().collect();
            tenants.sort_unstable();
            for tenant in tenants {
                let old = blue.generation.digests(tenant)?.digests;
                let new = green.generation.digests(tenant)?.digests;
                report.compared += new.len();
                let differing = new.iter().zip(&old).filter(|(new, old)| new != old);
                report.differing.extend(
                    differing.map(|(new, _)| format!("{tenant} {}/v{}", new.projection, new.version)),
                );
            }
        }
        report.position = green.position;
        self.store.publish(Arc::clone(&green.generation))?;
        Ok(report)
    }
}
