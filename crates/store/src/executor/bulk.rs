//! Many commands, sealed one after another and appended together.

use std::sync::Arc;

use ledger::domain::Aggregate;
use ledger::ids::TenantId;

use super::decide::{Decided, Sealed};
use super::lane::Lane;
use super::settle::Settled;
use super::{ATTEMPTS_MAX, BulkItem, ExecuteError, Executed, Executor};
use crate::StoreError;

/// After so many seals the task lets others run: some 0.3 ms.
const YIELD_EVERY: usize = 32;

/// The most appends handed over in one call: bounds what one commit must hold.
const APPENDS_MAX: usize = 1024;

impl Executor {
    pub(super) async fn bulk<A: Aggregate>(
        &self,
        tenant: &TenantId,
        items: &[BulkItem<'_, A>],
    ) -> Vec<Executed<A>> {
        let mut results = Vec::with_capacity(items.len());
        for chunk in items.chunks(APPENDS_MAX) {
            self.chunk::<A>(tenant, chunk, &mut results).await;
        }
        results
    }

    async fn chunk<A: Aggregate>(
        &self,
        tenant: &TenantId,
        items: &[BulkItem<'_, A>],
        results: &mut Vec<Executed<A>>,
    ) {
        let mut sealed: Vec<Option<Sealed>> = Vec::with_capacity(items.len());
        let mut appends = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            if n % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
            let one = self.seal_one::<A>(tenant, item).await;
            appends.extend(one.iter().map(|sealed| sealed.append.clone()));
            sealed.push(one);
        }
        let answer = if appends.is_empty() { Ok(Vec::new()) } else { self.store.append(appends).await };
        let mut verdicts = answer.map(Vec::into_iter);
        // All verdicts are taken in before anything is decided again: a refusal waits for those before it.
        let mut settled = Vec::with_capacity(items.len());
        for sealed in sealed {
            settled.push(match (sealed, &mut verdicts) {
                (None, _) => Ok(None),
                (Some(sealed), Ok(verdicts)) => match verdicts.next() {
                    Some(verdict) => self.settle::<A>(tenant, sealed, verdict).await.map(Some),
                    None => Err(super::single::no_verdict().into()),
                },
                (Some(sealed), Err(error)) => self.settle_failed::<A>(tenant, sealed, error.clone()).await,
            });
        }
        for (item, settled) in items.iter().zip(settled) {
            results.push(match settled {
                Ok(Some(Settled::Done(outcome))) => Ok(outcome),
                // What must be looked at more closely goes the way of a single command.
                Ok(None) => self.single::<A>(tenant, item, ATTEMPTS_MAX).await,
                Ok(Some(Settled::Again)) => self.single::<A>(tenant, item, ATTEMPTS_MAX - 1).await,
                Err(error) => Err(error),
            });
        }
    }

    async fn settle_failed<A: Aggregate>(
        &self,
        tenant: &TenantId,
        sealed: Sealed,
        error: StoreError,
    ) -> Result<Option<Settled>, ExecuteError<A::Error>> {
        match self.resolve(&sealed.append, error).await? {
            Some(verdict) => self.settle::<A>(tenant, sealed, verdict).await.map(Some),
            None => Ok(Some(Settled::Again)),
        }
    }

    /// Seals one command's events; `None`: it goes the way of a single command.
    async fn seal_one<A: Aggregate>(&self, tenant: &TenantId, item: &BulkItem<'_, A>) -> Option<Sealed> {
        let lane = self.lanes.find(tenant, item.stream);
        if item.meta.new_stream && lane.is_none() {
            return self.seal_new::<A>(tenant, item).await;
        }
        let lane: Arc<Lane> = lane.unwrap_or_else(|| self.lanes.lane(tenant, item.stream));
        if lane.core().tip.is_none() {
            self.load::<A>(tenant, item.stream, &lane).await.ok()?;
        }
        match self.decide_in_lane::<A, Box<Sealed>>(tenant, item, &lane, |sealed| sealed) {
            Ok(Ok(sealed)) => Some(*sealed),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn seal_new<A: Aggregate>(&self, tenant: &TenantId, item: &BulkItem<'_, A>) -> Option<Sealed> {
        let mut decided = self.decide_new::<A>(tenant, item).ok()?;
        if let Decided::KeysMissing(bodies) = &decided {
            self.prepare_keys::<A>(tenant, bodies).await.ok()?;
            decided = self.decide_new::<A>(tenant, item).ok()?;
        }
        if let Decided::Sealed(sealed) = decided { Some(*sealed) } else { None }
    }
}
