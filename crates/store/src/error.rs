//! Why a store could not do what it was asked, and whether asking again can help.

/// A failure of the store itself. What an append may be refused for is a [`crate::Verdict`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The commit failed and it could not be found out whether the events are stored.
    /// Append the same sealed events again: if they are there the verdict says so, and nothing is stored twice.
    #[error("the outcome of the commit is unknown: {reason}")]
    OutcomeUnknown {
        /// What failed.
        reason: String,
    },
    /// The disk is full. Nothing of this append is stored.
    #[error("the storage is full: {reason}; free space and try again")]
    Full {
        /// What could not be written.
        reason: String,
    },
    /// The storage cannot be written. Nothing of this append is stored.
    #[error("the storage is read-only: {reason}; make the data directory writable")]
    ReadOnly {
        /// What could not be written.
        reason: String,
    },
    /// The storage does not answer or answers with an I/O error. Nothing of this request has happened.
    #[error("the storage is unavailable: {reason}")]
    Unavailable {
        /// What failed.
        reason: String,
    },
    /// More is waiting than the store's queue may hold. Nothing of this request has happened.
    #[error("the store's queue is full: {waiting} requests wait")]
    Overloaded {
        /// How many requests wait.
        waiting: usize,
    },
    /// What is stored contradicts itself. Nothing is appended until it is mended.
    #[error("the store is damaged: {what}; run `ledger verify`, then restore a backup")]
    Corrupt {
        /// What contradicts what.
        what: String,
    },
    /// The request breaks a rule of the contract: a mistake of the caller.
    #[error("the request is not valid: {reason}")]
    Invalid {
        /// The rule.
        reason: String,
    },
    /// The ledger does not live in this store, or does not any more. Nothing of this request has happened.
    #[error("{reason}")]
    NotLive {
        /// Where it is, and what to do.
        reason: String,
    },
    /// The store is shutting down. Nothing of this request has happened.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Can the same request succeed later without anything being changed by its caller?
    pub const fn retryable(&self) -> bool {
        match self {
            Self::OutcomeUnknown { .. }
            | Self::Full { .. }
            | Self::ReadOnly { .. }
            | Self::Unavailable { .. }
            | Self::Overloaded { .. } => true,
            Self::Corrupt { .. } | Self::Invalid { .. } | Self::NotLive { .. } | Self::Closed => false,
        }
    }

    /// A mistake of the caller.
    pub fn invalid(reason: impl Into<String>) -> Self {
        Self::Invalid { reason: reason.into() }
    }

    /// Stored data that contradicts itself.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}
