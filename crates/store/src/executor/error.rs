//! Why a command did not lead to an outcome.

use ledger::event::SealError;
use ledger::ids::TenantId;

use crate::StoreError;
use crate::keyring::KeyringError;

/// A command that was not executed. `E` is the aggregate's own refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError<E: std::error::Error> {
    /// The aggregate refuses the command.
    #[error(transparent)]
    Refused(E),
    /// The command id was used before with another body.
    #[error("the command id was used before with another body; give a new command a new id")]
    CommandConflict,
    /// Others changed the stream each time before this command was committed.
    #[error("the stream was changed by others {0} times in a row; send the command again")]
    Contended(usize),
    /// There is no such log, or it was closed.
    #[error("tenant {0} has no log that can be written")]
    NoLog(TenantId),
    /// The events cannot be sealed: too large, or a data key is missing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The keys of the log are not available.
    #[error(transparent)]
    Keys(KeyringError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<E: std::error::Error> ExecuteError<E> {
    /// Can the same command succeed later without anything being changed by its caller?
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Contended(_) => true,
            Self::Store(error) | Self::Keys(KeyringError::Store(error)) => error.retryable(),
            Self::Refused(_) | Self::CommandConflict | Self::NoLog(_) | Self::Seal(_) | Self::Keys(_) => {
                false
            }
        }
    }

    /// Is it the store that fails, and not this command?
    pub const fn store_fails(&self) -> bool {
        match self {
            Self::Store(error) | Self::Keys(KeyringError::Store(error)) => {
                !matches!(error, StoreError::Invalid { .. })
            }
            _ => false,
        }
    }
}

impl<E: std::error::Error> From<KeyringError> for ExecuteError<E> {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Store(error) => Self::Store(error),
            KeyringError::NoActiveKey(tenant) => Self::NoLog(tenant),
            other => Self::Keys(other),
        }
    }
}
