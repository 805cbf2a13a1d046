//! One lane: what the next event of a stream is sealed on, and which of it is committed.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::StreamHead;

/// The lane of one stream.
pub(super) struct Lane {
    core: Mutex<Core>,
    /// One reads the stream, the others wait for it.
    pub(super) loading: tokio::sync::Mutex<()>,
    progress: watch::Sender<Progress>,
    /// When it was last asked for, on the lanes' own count.
    pub(super) used: AtomicU64,
}

/// What is guarded by the lane's lock; held while deciding and sealing, never over I/O.
pub(super) struct Core {
    /// Grows when what was sealed in the lane turns out not to be stored.
    pub(super) generation: u64,
    /// The last append that was sealed in this lane.
    pub(super) ticket: u64,
    pub(super) tip: Option<Tip>,
}

/// The last sealed event and the state after it; ahead of the store while appends are in flight.
pub(super) struct Tip {
    pub(super) head: Option<StreamHead>,
    pub(super) state: Box<dyn Any + Send + Sync>,
}

/// How far a lane is committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    generation: u64,
    ticket: u64,
}

impl Lane {
    pub(super) fn new() -> Self {
        let core = Core { generation: 0, ticket: 0, tip: None };
        Self {
            core: Mutex::new(core),
            loading: tokio::sync::Mutex::default(),
            progress: watch::Sender::default(),
            used: AtomicU64::new(0),
        }
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        // A panic in the domain's code poisons the lock, but the tip was out of it then.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn touch(&self, count: u64) {
        self.used.store(count, Ordering::Relaxed);
    }

    /// Everything that was sealed up to `ticket` is stored: each append stands on the one before it.
    fn committed(&self, ticket: u64) {
        self.progress.send_if_modified(|progress| {
            let further = ticket > progress.ticket;
            progress.ticket = progress.ticket.max(ticket);
            further
        });
    }

    /// Forgets what was sealed since `generation` began, unless that has happened already.
    pub(super) fn reset(&self, generation: u64) {
        let mut core = self.core();
        if core.generation == generation {
            core.generation += 1;
            core.tip = None;
            // Nothing that was sealed before is waited for in the new generation.
            let settled = Progress { generation: core.generation, ticket: core.ticket };
            self.progress.send_replace(settled);
        }
    }

    /// Waits until all that was sealed up to `ticket` is stored; `false`: it was forgotten instead.
    pub(super) async fn settled(&self, generation: u64, ticket: u64) -> bool {
        let mut progress = self.progress.subscribe();
        let reached = progress
            .wait_for(|progress| progress.generation != generation || progress.ticket >= ticket)
            .await;
        reached.is_ok_and(|progress| progress.generation == generation)
    }
}

/// An append that was sealed in a lane and waits for its verdict.
///
/// Dropped without one (its caller went away), it makes the lane forget: nobody will know what became of it.
pub(super) struct InFlight {
    lane: Arc<Lane>,
    generation: u64,
    ticket: u64,
    settled: bool,
}

impl InFlight {
    /// The next append of the lane whose lock is held as `core`.
    pub(super) fn next(lane: &Arc<Lane>, core: &mut Core) -> Self {
        core.ticket += 1;
        Self { lane: Arc::clone(lane), generation: core.generation, ticket: core.ticket, settled: false }
    }

    /// It is stored.
    pub(super) fn committed(mut self) {
        self.settled = true;
        self.lane.committed(self.ticket);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.settled {
            self.lane.reset(self.generation);
        }
    }
}
