//! One command, from the first decision to its outcome.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ledger::domain::{Aggregate, DomainEvent};
use ledger::event::{EventHash, Header};
use ledger::ids::{StreamId, TenantId};

use super::decide::{Decided, Sealed, tip};
use super::lane::Lane;
use super::settle::Settled;
use super::{BulkItem, ExecuteError, Executed, Executor, Outcome};
use crate::{Read, StoreError, StreamHead, Verdict};

type Answer = Result<Vec<Verdict>, StoreError>;
type Submitted<'a> = (Box<Sealed>, Started<'a>);

/// An append that has been handed to the store.
enum Started<'a> {
    Answered(Answer),
    Waiting(Pin<Box<dyn Future<Output = Answer> + Send + 'a>>),
}

impl Executor {
    pub(super) async fn single<A: Aggregate>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
        attempts: usize,
    ) -> Executed<A> {
        let mut left = attempts;
        if item.meta.new_stream && self.lanes.find(tenant, item.stream).is_none() {
            left -= 1;
            if let Some(outcome) = self.optimistic::<A>(tenant, item).await? {
                return Ok(outcome);
            }
        }
        for _ in 0..left {
            if let Some(outcome) = self.attempt::<A>(tenant, item).await? {
                return Ok(outcome);
            }
        }
        Err(ExecuteError::Contended(attempts))
    }

    /// Decides as if the stream were new; `None`: it is not, or a look at the store is needed.
    async fn optimistic<A: Aggregate>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
    ) -> Result<Option<Outcome>, ExecuteError<A::Error>> {
        let sealed = match self.decide_new::<A>(tenant, item)? {
            Decided::Sealed(sealed) => sealed,
            Decided::KeysMissing(bodies) => {
                self.prepare_keys::<A>(tenant, &bodies).await?;
                match self.decide_new::<A>(tenant, item)? {
                    Decided::Sealed(sealed) => sealed,
                    _ => return Ok(None),
                }
            }
            Decided::Idle { .. } | Decided::NotLoaded => return Ok(None),
        };
        let answer = self.store.append(vec![sealed.append.clone()]).await;
        self.conclude::<A>(tenant, *sealed, answer).await
    }

    /// Decides once in the stream's lane; `None`: it must be decided again.
    async fn attempt<A: Aggregate>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
    ) -> Result<Option<Outcome>, ExecuteError<A::Error>> {
        let lane = self.lanes.lane(tenant, item.stream);
        let mut keys_made = false;
        loop {
            let decided =
                self.decide_in_lane::<A, Submitted<'_>>(tenant, item, &lane, |sealed| self.submit(sealed))?;
            match decided {
                Ok((sealed, started)) => {
                    let answer = match started {
                        Started::Answered(answer) => answer,
                        Started::Waiting(future) => future.await,
                    };
                    return self.conclude::<A>(tenant, *sealed, answer).await;
                }
                Err(Decided::NotLoaded) => self.load::<A>(tenant, item.stream, &lane).await?,
                Err(Decided::KeysMissing(bodies)) if !keys_made => {
                    self.prepare_keys::<A>(tenant, &bodies).await?;
                    keys_made = true;
                }
                Err(Decided::Idle { refused, head, basis }) => {
                    return self.idle::<A>(tenant, item, &lane, refused, head, basis).await;
                }
                Err(Decided::KeysMissing(_) | Decided::Sealed(_)) => {
                    return Err(StoreError::invalid("a data key was destroyed while it was needed").into());
                }
            }
        }
    }

    /// Hands an append to the store and goes on before it is stored: polled once, it stands in the store's queue.
    fn submit(&self, sealed: Box<Sealed>) -> Submitted<'_> {
        let mut future = self.store.append(vec![sealed.append.clone()]);
        let started = match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Started::Answered(answer),
            Poll::Pending => Started::Waiting(future),
        };
        (sealed, started)
    }

    async fn conclude<A: Aggregate>(
        &self,
        tenant: &TenantId,
        sealed: Sealed,
        answer: Answer,
    ) -> Result<Option<Outcome>, ExecuteError<A::Error>> {
        let verdict = match answer {
            Ok(verdicts) => verdicts.into_iter().next().ok_or_else(no_verdict)?,
            Err(error) => match self.resolve(&sealed.append, error).await? {
                Some(verdict) => verdict,
                None => return Ok(None),
            },
        };
        match self.settle::<A>(tenant, sealed, verdict).await? {
            Settled::Done(outcome) => Ok(Some(outcome)),
            Settled::Again => Ok(None),
        }
    }

    /// Answers a command that leads to no event: only when everything it rests on is stored, and only if it
    /// is not a repetition.
    async fn idle<A: Aggregate>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
        lane: &Lane,
        refused: Option<A::Error>,
        head: Option<StreamHead>,
        (generation, ticket): (u64, u64),
    ) -> Result<Option<Outcome>, ExecuteError<A::Error>> {
        if !lane.settled(generation, ticket).await {
            return Ok(None);
        }
        if let Some(record) = &item.meta.record
            && let Some(receipt) = self.store.command(tenant, &record.id).await?
        {
            let same = receipt.body_mac == record.body_mac;
            return if same {
                Ok(Some(Outcome::Duplicate(receipt)))
            } else {
                Err(ExecuteError::CommandConflict)
            };
        }
        // Another process may have written the stream behind this lane's back.
        if self.store.stream_head(tenant, item.stream).await? != head {
            lane.reset(generation);
            return Ok(None);
        }
        refused.map_or(Ok(Some(Outcome::Unchanged)), |error| Err(ExecuteError::Refused(error)))
    }

    pub(super) async fn prepare_keys<A: Aggregate>(
        &self,
        tenant: &TenantId,
        bodies: &[ledger::domain::EventBody],
    ) -> Result<(), ExecuteError<A::Error>> {
        for body in bodies {
            self.keyring.prepare(tenant, body).await?;
        }
        Ok(())
    }

    /// Reads the stream into its lane; while one reads, the others wait.
    pub(super) async fn load<A: Aggregate>(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
        lane: &Arc<Lane>,
    ) -> Result<(), ExecuteError<A::Error>> {
        let _one = lane.loading.lock().await;
        let generation = {
            let core = lane.core();
            if core.tip.is_some() {
                return Ok(());
            }
            core.generation
        };
        let (head, state) = self.fold::<A>(tenant, stream).await?;
        let mut core = lane.core();
        if core.generation == generation && core.tip.is_none() {
            core.tip = Some(tip::<A>(head, state));
        }
        Ok(())
    }

    async fn fold<A: Aggregate>(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
    ) -> Result<(Option<StreamHead>, A::State), ExecuteError<A::Error>> {
        let (mut head, mut state, mut from) = (None, A::State::default(), 0);
        loop {
            let page = self.store.read(Read::stream(tenant, stream, from)).await?;
            for stored in &page.events {
                let header =
                    Header::parse_trusted(&stored.header).map_err(|error| damaged(stream, &error))?;
                let data = serde_json::from_slice(header.data).map_err(|error| damaged(stream, &error))?;
                let event =
                    A::Event::decode(&header.event_type, &data).map_err(|error| damaged(stream, &error))?;
                state = event.iter().fold(state, A::evolve);
                head = Some(StreamHead { seq: header.seq, hash: EventHash::of(&stored.header) });
            }
            if page.end {
                return Ok((head, state));
            }
            from = page.next;
        }
    }
}

fn damaged(stream: &StreamId, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::corrupt(format!("stream {stream}: {error}"))
}

pub(super) fn no_verdict() -> StoreError {
    StoreError::corrupt("the store gave no verdict")
}
