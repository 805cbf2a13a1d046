//! A whole ledger from one store to another: to move it, to back it up, to restore it.
//!
//! What is carried: logs with their numbers, events with their bytes, indexes and positions, disclosures, records of
//! commands, wrapped secrets, blobs, anchors, the latest checkpoints. What is not: read models, which are folded again;
//! leases and how far reactors have come, which may be lost; head files and key files, which are no part of a store.
//!
//! A pass ([`carry`]) goes on where an earlier one was cut off, and may run while the source is being written: it takes
//! the events up to the position at its start, and at least what belongs to them. Nothing is believed until it was
//! verified at the target ([`verify_events`]) and its roots compared with the source's.

mod beside;
mod compare;
mod events;
mod relocate;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ledger::ids::TenantId;

pub use compare::same;
pub use relocate::{Moved, relocate};

use crate::custody::Custody;
use crate::portable::Portable;
use crate::verify::{VerifiedLog, verify_events};
use crate::{EventStore, SideStore, StoreError};

/// A store in all its parts.
#[derive(Clone)]
pub struct Holding {
    /// The events.
    pub events: Arc<dyn EventStore>,
    /// What lives beside them.
    pub side: Arc<dyn SideStore>,
    /// What a copy needs beyond that.
    pub portable: Arc<dyn Portable>,
}

impl Holding {
    /// Of a store that is all of it.
    pub fn of<T: EventStore + SideStore + Portable>(store: Arc<T>) -> Self {
        Self { events: Arc::<T>::clone(&store), side: Arc::<T>::clone(&store), portable: store }
    }

    /// The position of the last event, asked of the storage itself.
    async fn position(&self) -> Result<u64, StoreError> {
        let mut position = 0;
        for log in self.side.logs().await? {
            let head = self.events.log_head(&log.tenant).await?;
            position = position.max(head.map_or(0, |head| head.last_position));
        }
        Ok(position)
    }
}

/// Why a copy was given up. It can be run again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source is not what can be copied.
    #[error("the source: {0}")]
    Source(String),
    /// The target is not what can be copied to.
    #[error("the target: {0}")]
    Target(String),
    /// What has arrived is not what was sent.
    #[error("what has arrived does not hold: {0}")]
    Differs(String),
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Events are carried over.
    Carrying,
    /// They are verified where they arrived.
    Verifying,
}

/// Told how far a step is, and of how many events.
pub type Progress<'a> = &'a mut (dyn FnMut(Step, u64, u64) + Send);

/// What has arrived, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The position of the last event.
    pub position: u64,
    /// Events that this run carried; fewer than there are if it went on with an earlier one.
    pub carried: u64,
    /// The logs, as the events make them.
    pub logs: Vec<VerifiedLog>,
}

/// One pass: the events up to the source's position now, and what belongs to them. What the source no longer has, as
/// erased subjects, is destroyed at the target. Gives the position and how many events were carried.
///
/// # Errors
/// [`CopyError`]
pub async fn carry(from: &Holding, to: &Holding, progress: Progress<'_>) -> Result<(u64, u64), CopyError> {
    // In this order, while the source grows: a checkpoint is of what is carried, a log of an event that is carried is
    // there, and so are its keys, blobs and anchors.
    let checkpoints = beside::checkpoints(from).await?;
    let position = from.position().await?;
    beside::logs(from, to).await?;
    beside::secrets(from, to).await?;
    beside::blobs(from, to).await?;
    beside::anchors(from, to).await?;
    let carried = events::carry(from, to, position, progress).await?;
    for (tenant, checkpoint) in checkpoints {
        if to.side.checkpoint(&tenant).await?.as_ref() != Some(&checkpoint) {
            to.side.put_checkpoint(&tenant, checkpoint).await?;
        }
    }
    Ok((position, carried))
}

/// Everything that is derived at the target, computed again.
async fn verified(to: &Holding, progress: Progress<'_>) -> Result<Vec<VerifiedLog>, CopyError> {
    let report =
        verify_events(&*to.events, &*to.side, |done, of| progress(Step::Verifying, done, of)).await?;
    match report.failures.first() {
        Some(failure) => Err(CopyError::Differs(failure.to_string())),
        None => Ok(report.logs),
    }
}

/// A snapshot of a store that may be being written, into one that is arriving; verified, it becomes `end`: a backup, or
/// the live store that a backup is restored to. The source is not touched.
///
/// # Errors
/// [`CopyError`]
pub async fn snapshot(
    from: &Holding,
    to: &Holding,
    end: &Custody,
    progress: Progress<'_>,
) -> Result<Arrived, CopyError> {
    let (position, carried) = carry(from, to, progress).await?;
    let logs = verified(to, progress).await?;
    same(from, to, false).await?;
    turn(to, end).await?;
    Ok(Arrived { position, carried, logs })
}

/// An arriving store becomes something else.
async fn turn(to: &Holding, end: &Custody) -> Result<(), CopyError> {
    let found = to.portable.custody().await?;
    let arriving = matches!(found, Custody::Arriving { .. });
    if arriving && to.portable.change_custody(&found, end).await? {
        return Ok(());
    }
    Err(CopyError::Target(format!("nothing is arriving there any more: {found}")))
}

fn refused(tenant: &TenantId, what: impl std::fmt::Display) -> CopyError {
    CopyError::Target(format!("tenant {tenant}: {what}"))
}
