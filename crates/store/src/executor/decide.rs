//! Decides a command on a state and seals its events: pure CPU, no I/O.

use std::any::Any;
use std::sync::Arc;

use ledger::domain::{Aggregate, DecideCtx, DomainEvent, EventBody};
use ledger::epochs::KEY_TYPES;
use ledger::event::{SealContext, SealError, SealedEvent, seal};
use ledger::ids::TenantId;
use ledger::keys::{Kid, Signer};

use super::lane::{InFlight, Lane, Tip};
use super::{BulkItem, ExecuteError, Executor};
use crate::{Append, KeyChange, StoreError, StreamHead};

/// A command, decided.
pub(super) enum Decided<E> {
    /// Its events are sealed.
    Sealed(Box<Sealed>),
    /// A data key must be made durable first.
    KeysMissing(Vec<EventBody>),
    /// It is refused, or there is nothing to do; final once all before it in its lane is committed.
    Idle {
        /// `None`: nothing to do.
        refused: Option<E>,
        /// The head that it was decided on.
        head: Option<StreamHead>,
        /// The lane's generation and last ticket then.
        basis: (u64, u64),
    },
    /// The lane has no state: it must be read.
    NotLoaded,
}

/// What `submit` gave for the sealed events, or what else was decided.
pub(super) type InLane<R, E> = Result<Result<R, Decided<E>>, ExecuteError<E>>;

/// Sealed events on their way to the store.
pub(super) struct Sealed {
    pub(super) append: Append,
    /// `None`: sealed for a new stream, without a lane.
    pub(super) flight: Option<InFlight>,
    /// Which key must sign after this append.
    pub(super) activates: Option<Kid>,
}

impl Executor {
    /// Decides on an empty stream.
    pub(super) fn decide_new<A: Aggregate>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
    ) -> Result<Decided<A::Error>, ExecuteError<A::Error>> {
        let state = A::State::default();
        let ctx = DecideCtx { now: self.clock.now() };
        let events = match A::decide(&state, item.command, &ctx) {
            Ok(events) if !events.is_empty() => events,
            // Anything but events must rest on what the store has: read it.
            _ => return Ok(Decided::NotLoaded),
        };
        let bodies: Vec<EventBody> = events.iter().map(DomainEvent::encode).collect();
        match self.seal_all::<A>(tenant, item, None, &ctx, &events, &bodies) {
            Ok((append, activates)) => {
                Ok(Decided::Sealed(Box::new(Sealed { append, flight: None, activates })))
            }
            Err(ExecuteError::Seal(error)) if needs_key(&error) => Ok(Decided::KeysMissing(bodies)),
            Err(error) => Err(error),
        }
    }

    /// Decides in a lane, under its lock, on what was sealed last; `submit` is called under the lock too, so that
    /// appends reach the store in the order in which they were sealed.
    pub(super) fn decide_in_lane<A: Aggregate, R>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
        lane: &Arc<Lane>,
        submit: impl FnOnce(Box<Sealed>) -> R,
    ) -> InLane<R, A::Error> {
        let mut core = lane.core();
        let basis = (core.generation, core.ticket);
        // Taken out while the domain's code runs: should it panic, the lane is read again.
        let Some(mut tip) = core.tip.take() else { return Ok(Err(Decided::NotLoaded)) };
        let decided = self.decide_on::<A>(tenant, item, &mut tip, basis);
        core.tip = Some(tip);
        let (append, activates) = match decided? {
            Ok(sealed) => sealed,
            Err(other) => return Ok(Err(other)),
        };
        let flight = Some(InFlight::next(lane, &mut core));
        Ok(Ok(submit(Box::new(Sealed { append, flight, activates }))))
    }

    fn decide_on<A: Aggregate>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
        tip: &mut Tip,
        basis: (u64, u64),
    ) -> InLane<(Append, Option<Kid>), A::Error> {
        let head = tip.head;
        let Some(state) = tip.state.downcast_mut::<A::State>() else {
            return Err(StoreError::invalid("a stream belongs to one kind of aggregate").into());
        };
        let ctx = DecideCtx { now: self.clock.now() };
        let events = match A::decide(state, item.command, &ctx) {
            Ok(events) if !events.is_empty() => events,
            answer => return Ok(Err(Decided::Idle { refused: answer.err(), head, basis })),
        };
        let bodies: Vec<EventBody> = events.iter().map(DomainEvent::encode).collect();
        let sealed = match self.seal_all::<A>(tenant, item, head, &ctx, &events, &bodies) {
            Err(ExecuteError::Seal(error)) if needs_key(&error) => {
                return Ok(Err(Decided::KeysMissing(bodies)));
            }
            sealed => sealed?,
        };
        *state = events.iter().fold(std::mem::take(state), A::evolve);
        tip.head = Some(StreamHead { seq: sealed.0.last().seq, hash: sealed.0.last().hash });
        Ok(Ok(sealed))
    }

    fn seal_all<A: Aggregate>(
        &self,
        tenant: &TenantId,
        item: &BulkItem<'_, A>,
        head: Option<StreamHead>,
        ctx: &DecideCtx,
        events: &[A::Event],
        bodies: &[EventBody],
    ) -> Result<(Append, Option<Kid>), ExecuteError<A::Error>> {
        let keys = self.keyring.log(tenant).ok_or_else(|| ExecuteError::NoLog(tenant.clone()))?;
        let signer = keys.signer();
        let mut sealed: Vec<SealedEvent> = Vec::with_capacity(events.len());
        let mut key_change = None;
        for (event, body) in events.iter().zip(bodies) {
            let before = sealed.last().map(|event| (event.seq, event.hash));
            let before = before.or(head.map(|head| (head.seq, head.hash)));
            let seal_ctx = SealContext {
                tenant,
                stream: item.stream,
                seq: before.map_or(0, |(seq, _)| seq + 1),
                prev: before.map(|(_, hash)| hash),
                time: ctx.now,
                actor: &item.meta.actor,
                command: item.meta.record.as_ref().map(|record| &record.id),
                cause: item.meta.cause,
            };
            let event_type = event.event_type();
            if event_type.starts_with(KEY_TYPES) {
                let data = serde_json::to_vec(&body.public);
                let data = data.map_err(|error| StoreError::invalid(error.to_string()))?;
                key_change = KeyChange::of(item.stream, event_type, &data, signer.kid())?.or(key_change);
            }
            sealed.push(seal(event_type, body, &seal_ctx, &*signer, &*self.keyring, &*self.entropy)?);
        }
        let mut append = Append::new(sealed).map_err(|error| StoreError::invalid(error.to_string()))?;
        if let Some(record) = &item.meta.record {
            append = append.with_command(record.clone());
        }
        let Some(change) = key_change else { return Ok((append, None)) };
        let activates = if let KeyChange::Activate(kid) = change { Some(kid) } else { None };
        Ok((append.with_key_change(change), activates))
    }
}

fn needs_key(error: &SealError) -> bool {
    matches!(error, SealError::Disclosure(ledger::disclosure::DisclosureError::NoKey))
}

/// A tip that holds a state of an aggregate.
pub(super) fn tip<A: Aggregate>(head: Option<StreamHead>, state: A::State) -> Tip {
    let state: Box<dyn Any + Send + Sync> = Box::new(state);
    Tip { head, state }
}
