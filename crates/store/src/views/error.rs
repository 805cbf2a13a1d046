//! Why read models could not be read or written, and whether asking again can help.

use ledger::readmodel::{QueryError, SourceError};

/// A failure of a read-model store.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Another owner has claimed the generation since. This one must stop.
    #[error("another process follows these read models since (epoch {stored}, this one has {held})")]
    Fenced {
        /// The epoch that was claimed last.
        stored: u64,
        /// The epoch of this owner.
        held: u64,
    },
    /// Nothing has been built yet, or it was built by another version of the program.
    #[error("the read models are being built; try again in a moment")]
    NotBuilt,
    /// The disk is full. Nothing of this commit is stored.
    #[error("the storage of the read models is full: {0}; free space")]
    Full(String),
    /// The storage does not answer or answers with an error. Nothing of this commit is stored.
    #[error("the storage of the read models is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be what was stored. The read models can be rebuilt from the events.
    #[error("the read models are damaged: {0}; rebuild them with `ledger replay`")]
    Corrupt(String),
    /// The query cannot be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Rows could not be read while folding.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl ViewError {
    /// Can the same request succeed later without anything being changed by its caller?
    pub const fn retryable(&self) -> bool {
        match self {
            Self::NotBuilt | Self::Full(_) | Self::Unavailable(_) | Self::Source(_) => true,
            Self::Fenced { .. } | Self::Corrupt(_) | Self::Query(_) => false,
        }
    }
}
