//! The contract of a read-model store.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::ids::TenantId;
use ledger::readmodel::{
    LogState, Page, Poisoned, ProjectionDigest, Query, Row, RowSource, Schema, TableChanges, TableDef,
};

use super::error::ViewError;

/// What is stored together with rows, so that rows and what they stand for cannot come apart.
#[derive(Debug, Clone, Default)]
pub struct ViewCommit {
    /// The epoch of the owner that commits.
    pub epoch: u64,
    /// The position of the last event folded.
    pub position: u64,
    /// The changed rows.
    pub rows: Vec<TableChanges>,
    /// The logs that moved on.
    pub logs: Vec<(TenantId, LogState)>,
    /// Quarantine entries that are new or hold back more.
    pub poisoned: Vec<Poisoned>,
}

/// What an owner goes on from.
#[derive(Debug, Clone, Default)]
pub struct Claim {
    /// The epoch of this owner, larger than any before.
    pub epoch: u64,
    /// The position of the last event folded, 0 before the first.
    pub position: u64,
    /// How far each log was folded.
    pub logs: HashMap<TenantId, LogState>,
    /// Everything in quarantine.
    pub poisoned: Vec<Poisoned>,
}

/// How far a generation is, for those who watch another process fold it.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The position of the last event folded, 0 before the first.
    pub position: u64,
    /// `logs` and `poisoned` are all there are; else only those that changed since the position that was asked with.
    pub whole: bool,
    /// How far each log was folded.
    pub logs: Vec<(TenantId, LogState)>,
    /// Quarantine entries.
    pub poisoned: Vec<Poisoned>,
}

/// The digests of one tenant's read models, and what they were derived from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantDigests {
    /// How much of the log the rows stand for; the tree head of that size is theirs.
    pub log: LogState,
    /// One for each projection.
    pub digests: Vec<ProjectionDigest>,
}

/// One complete set of read models.
///
/// - **Atomicity.** A commit is stored whole or not at all, and readers see it whole or not at all.
/// - **Fencing.** [`claim`](Self::claim) raises the epoch; a commit of an older epoch is refused, so two processes
///   cannot fold into the same rows however long one of them stood still.
/// - **Durability.** A commit may be lost in a power failure, together with all later ones: rows and position go back
///   as one, and folding goes on from there. Read models are derived, so nothing is lost by it.
/// - **Who retries.** The caller: after any error the working set is dropped and folding goes on from what is stored.
/// - All calls block: call them where that is allowed.
pub trait Generation: RowSource + Send + Sync {
    /// Makes the caller the only owner.
    ///
    /// # Errors
    /// The storage fails.
    fn claim(&self) -> Result<Claim, ViewError>;

    /// Stores rows and the position that they stand for.
    ///
    /// # Errors
    /// [`ViewError::Fenced`], or the storage fails.
    fn commit(&self, commit: ViewCommit) -> Result<(), ViewError>;

    /// How far it is, without claiming it. `since` is a position that an earlier answer gave, or 0: what has not changed
    /// behind it may be left out. If the storage has lost commits since, everything is given.
    ///
    /// # Errors
    /// The storage fails.
    fn progress(&self, since: u64) -> Result<Progress, ViewError>;

    /// Answers a query from one consistent state.
    ///
    /// # Errors
    /// The query cannot be asked, or the storage fails.
    fn query(&self, query: &Query) -> Result<Page, ViewError>;

    /// The row with this key.
    ///
    /// # Errors
    /// The storage fails.
    fn row(
        &self,
        table: &'static TableDef,
        tenant: &TenantId,
        key: &[ledger::readmodel::Cell],
    ) -> Result<Option<Row>, ViewError>;

    /// The digests of a tenant's read models, all from one state.
    ///
    /// # Errors
    /// The storage fails.
    fn digests(&self, tenant: &TenantId) -> Result<TenantDigests, ViewError>;
}

/// A place for read models: the current generation, and the one that is being built.
pub trait ViewStore: Send + Sync + 'static {
    /// The projections and tables of every generation here.
    fn schema(&self) -> &Arc<Schema>;

    /// The generation to query and to follow. `None`: none of this schema was published yet.
    fn current(&self) -> Option<Arc<dyn Generation>>;

    /// Looks which generation is the current one now, where another process may have published one. What
    /// [`current`](Self::current) gives is as new as the last look.
    ///
    /// # Errors
    /// The storage fails; the current generation stays the one that is known.
    fn refresh(&self) -> Result<(), ViewError> {
        Ok(())
    }

    /// A new, empty generation for a rebuild. It may leave indexes out and need not survive a crash until it is
    /// published; one that was begun and not published is dropped.
    ///
    /// # Errors
    /// The storage fails.
    fn begin(&self) -> Result<Arc<dyn Generation>, ViewError>;

    /// Makes a generation complete (indexes) and durable, without showing it yet: the long part of a rebuild.
    ///
    /// # Errors
    /// The storage fails.
    fn settle(&self, generation: &Arc<dyn Generation>) -> Result<(), ViewError>;

    /// Makes a settled generation the current one, in one step that survives a crash, and drops the one before once
    /// its last reader is done.
    ///
    /// # Errors
    /// The storage fails, or another process has published one since this one was begun; the current generation is
    /// then the one before, or that of the other process.
    fn publish(&self, generation: Arc<dyn Generation>) -> Result<(), ViewError>;
}
