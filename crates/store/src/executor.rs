//! The way of a command: decide on the stream's state, seal, append, answer (design.md §3).
//!
//! One **lane** for each active stream holds the last sealed (seq, hash) and the state, so that commands are
//! pipelined: the next one is decided and sealed while the one before is still being committed. When a commit
//! fails, everything behind it in the lane is decided and sealed again, at most [`ATTEMPTS_MAX`] times.
//!
//! - Sealing happens on the caller's task, so that signing uses all cores and never holds up the committer.
//! - A command that expects a new stream takes no lane and no look at the store: the commit checks.
//! - A refusal is given only when everything it rests on is committed, and only if the command's id is not
//!   known: a repeated command gets its first receipt, whatever became of the stream since.
//! - A caller that goes away leaves its lane to be read again from the store.
//!
//! It does not know HTTP, and it never answers from a read model.

use std::fmt;
use std::sync::Arc;

use ledger::clock::{Clock, Entropy};
use ledger::domain::{Aggregate, Cause};
use ledger::ids::{Actor, StreamId, TenantId};

use crate::keyring::Keyring;
use crate::{CommandReceipt, CommandRecord, EventStore};

mod bulk;
mod decide;
mod error;
mod lane;
mod lanes;
mod settle;
mod single;
#[cfg(test)]
pub(crate) mod tests;

pub use error::ExecuteError;
pub use lanes::LANES_MAX;

use lanes::Lanes;
use ledger::event::SealedEvent;

/// How often a command is decided before it is given up: more often means that others always win.
pub const ATTEMPTS_MAX: usize = 5;

/// Executes commands. Cheap to share behind an [`Arc`].
pub struct Executor {
    store: Arc<dyn EventStore>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lanes: Lanes,
}

/// What a command comes with.
#[derive(Debug, Clone)]
pub struct CommandMeta {
    /// Its id and the HMAC of its body; `None` for what the ledger asks of itself and need not be idempotent.
    pub record: Option<CommandRecord>,
    /// Who asks.
    pub actor: Actor,
    /// The event that caused it, and the conversation.
    pub cause: Cause,
    /// The command most likely starts its stream: decide on an empty state without reading first.
    pub new_stream: bool,
}

/// One command of a bulk.
pub struct BulkItem<'a, A: Aggregate> {
    /// The stream that it writes.
    pub stream: &'a StreamId,
    /// What it comes with.
    pub meta: &'a CommandMeta,
    /// The command.
    pub command: &'a A::Command,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its events are durable.
    Committed(Committed),
    /// The command had been executed before with the same body: its first receipt.
    Duplicate(CommandReceipt),
    /// There was nothing to do.
    Unchanged,
}

/// Durable events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The events, at least one.
    pub events: Vec<SealedEvent>,
    /// Index of the first in the tenant's log.
    pub first_index: u64,
    /// Index of the last.
    pub last_index: u64,
    /// Position of the last in the store.
    pub position: u64,
}

/// The result of a command on an aggregate.
pub type Executed<A> = Result<Outcome, ExecuteError<<A as Aggregate>::Error>>;

impl CommandMeta {
    /// A command of `actor`, without an id.
    pub fn of(actor: Actor) -> Self {
        Self { record: None, actor, cause: Cause::default(), new_stream: false }
    }

    /// With an id: executed once.
    #[must_use]
    pub fn with_record(mut self, record: CommandRecord) -> Self {
        self.record = Some(record);
        self
    }

    /// Caused by an event.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// Expects that its stream does not exist yet.
    #[must_use]
    pub fn new_stream(mut self) -> Self {
        self.new_stream = true;
        self
    }
}

impl Executor {
    /// An executor over a store and the keys of its logs.
    pub fn new(
        store: Arc<dyn EventStore>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { store, keyring, clock, entropy, lanes: Lanes::new(LANES_MAX) }
    }

    /// Executes one command on one stream and answers when its events are durable.
    ///
    /// # Errors
    /// [`ExecuteError`] says whether the same command may be sent again.
    pub async fn execute<A: Aggregate>(
        &self,
        tenant: &TenantId,
        stream: &StreamId,
        meta: &CommandMeta,
        command: &A::Command,
    ) -> Executed<A> {
        self.single::<A>(tenant, &BulkItem { stream, meta, command }, ATTEMPTS_MAX).await
    }

    /// Executes many commands of one tenant with one append: an answer for each, in order.
    ///
    /// Each stands for itself: a refused command does not hold up the others.
    pub async fn execute_many<A: Aggregate>(
        &self,
        tenant: &TenantId,
        items: &[BulkItem<'_, A>],
    ) -> Vec<Executed<A>> {
        self.bulk::<A>(tenant, items).await
    }

    /// How many streams have a lane now.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("lanes", &self.lanes.len()).finish_non_exhaustive()
    }
}
