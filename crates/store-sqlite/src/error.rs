//! Why a store cannot be opened, and how SQLite's errors become the contract's.

use std::path::PathBuf;

use ledger_store::StoreError;
use ledger_store::headfile::HeadFileError;
use rusqlite::ErrorCode;

/// Why a store is not opened. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process serves this directory.
    #[error("the data directory {path} is in use by process {pid}; stop it, or speak to it")]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it, 0 if it did not say.
        pid: u32,
    },
    /// The ledger does not live here, or does not any more.
    #[error("{path}: {reason}")]
    NotLive {
        /// The data directory.
        path: PathBuf,
        /// Where it is, and what to do.
        reason: String,
    },
    /// The database has less than the head file says, or something else.
    #[error(
        "the log of {log} does not match the head file: {detail}; nothing is signed. \
         Restore the newest database, or accept the loss with `ledger recover --accept-loss`"
    )]
    HeadMismatch {
        /// The tenant, or the log's number if the database does not know it.
        log: String,
        /// What each of them says.
        detail: String,
    },
    /// There is a database and no head file.
    #[error(
        "the head file {path} is missing, but the database has events; put it back, or accept that a loss \
         cannot be excluded with `ledger recover --accept-loss`"
    )]
    HeadFileMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The head file is damaged, or of another store, or under another key.
    #[error("the head file {path} cannot be trusted: {reason}")]
    HeadFile {
        /// Where it is.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The database is damaged.
    #[error("the database {path} is damaged: {reason}; restore a backup")]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What contradicts what.
        reason: String,
    },
    /// The database was written by a newer version.
    #[error("the database {path} has schema {found}, this version knows {known}; use the newer version")]
    Newer {
        /// Where it is.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest schema version known here.
        known: i64,
    },
    /// A setting that durability depends on could not be made.
    #[error("SQLite refused {pragma}: it is {found}, must be {wanted}")]
    Pragma {
        /// The setting.
        pragma: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: String,
    },
    /// The storage failed.
    #[error("cannot open {path}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What failed, and a hint.
        reason: String,
    },
}

impl From<HeadFileError> for OpenError {
    fn from(error: HeadFileError) -> Self {
        match error {
            HeadFileError::Untrusted { path, reason } => Self::HeadFile { path, reason },
            HeadFileError::Io { path, reason } => Self::Io { path, reason },
        }
    }
}

/// A failure inside the committer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CoreError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("head file: {0}")]
    HeadFile(std::io::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Corrupt(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotLive(String),
}

impl CoreError {
    /// The contract's error, for a request of which nothing has happened.
    pub(crate) fn nothing_happened(&self) -> StoreError {
        match self {
            Self::Sqlite(error) => from_sqlite(error),
            Self::HeadFile(error) | Self::Io(error) => from_io(error),
            Self::Corrupt(what) => StoreError::corrupt(what),
            Self::Invalid(reason) => StoreError::invalid(reason),
            Self::NotLive(reason) => StoreError::NotLive { reason: reason.clone() },
        }
    }
}

fn from_io(error: &std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    let reason = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full { reason }
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StoreError::ReadOnly { reason },
        _ => StoreError::Unavailable { reason },
    }
}

/// The contract's error for a failed statement.
pub(crate) fn from_sqlite(error: &rusqlite::Error) -> StoreError {
    let reason = error.to_string();
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => StoreError::Full { reason },
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::ReadOnly { reason },
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt { what: reason },
            _ => StoreError::Unavailable { reason },
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::QueryReturnedNoRows => StoreError::Corrupt { what: reason },
        _ => StoreError::Unavailable { reason },
    }
}
