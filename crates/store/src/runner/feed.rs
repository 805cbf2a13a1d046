//! Reads and parses events on a thread of its own, ahead of the fold.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::readmodel::{LogState, Parsed, Parser, RawEvent, ReadModels};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};

use super::{GATHER, PAGE_EVENTS, PAGES_WAITING, RunError};
use crate::contract::EventStore;
use crate::error::StoreError;
use crate::read::{Filter, StoredEvent};
use crate::subscription::{Delivery, Subscription};

/// Parsed events in commit order.
pub(super) struct Batch<E> {
    /// The events.
    pub events: Vec<Parsed<E>>,
    /// The position of the last one.
    pub position: u64,
}

/// What the feed gives.
pub(super) enum Fed<E> {
    /// Events.
    Batch(Batch<E>),
    /// Everything there is was given.
    CaughtUp,
}

/// The receiving end. Dropping it ends the thread.
pub(super) type Feed<E> = mpsc::Receiver<Result<Fed<E>, RunError>>;

/// Starts a feed behind `position`.
pub(super) fn start<M: ReadModels>(
    runtime: Handle,
    models: Arc<M>,
    events: Arc<dyn EventStore>,
    position: u64,
    logs: HashMap<TenantId, LogState>,
    hurry: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) -> Feed<M::Event> {
    let (into, feed) = mpsc::channel(PAGES_WAITING);
    let mut subscription =
        Subscription::new(events, position + 1, Filter::default()).page(PAGE_EVENTS).gather(GATHER, hurry);
    let mut parser = Parser::new(models, logs);
    super::spawn("views-feed", move || {
        loop {
            let delivery = runtime.block_on(async {
                tokio::select! {
                    delivery = subscription.next() => Some(delivery),
                    () = into.closed() => None,
                    // Whoever could stop the runner is gone: so is the runner.
                    _ = stop.wait_for(|stop| *stop) => Some(Err(StoreError::Closed)),
                }
            });
            let Some(delivery) = delivery else { return };
            let fed = delivery.map_err(RunError::from).and_then(|delivery| parse(&mut parser, delivery));
            let failed = fed.is_err();
            if into.blocking_send(fed).is_err() || failed {
                return;
            }
        }
    });
    feed
}

fn parse<M: ReadModels>(parser: &mut Parser<M>, delivery: Delivery) -> Result<Fed<M::Event>, RunError> {
    match delivery {
        Delivery::Events(stored) => parse_batch(parser, &stored).map(Fed::Batch),
        Delivery::CaughtUp(_) => Ok(Fed::CaughtUp),
    }
}

/// Parses a page.
pub(super) fn parse_batch<M: ReadModels>(
    parser: &mut Parser<M>,
    stored: &[StoredEvent],
) -> Result<Batch<M::Event>, RunError> {
    let position = stored.last().map_or(0, |event| event.position);
    let events = stored.iter().map(|event| parser.parse(raw(event))).collect::<Result<_, _>>()?;
    Ok(Batch { events, position })
}

/// An event as it is parsed.
pub(super) fn raw(event: &StoredEvent) -> RawEvent<'_> {
    RawEvent { tenant: &event.tenant, index: event.index, header: &event.header }
}
