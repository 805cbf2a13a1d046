//! Why a store cannot be opened, and how PostgreSQL's errors become the contract's.

use std::path::PathBuf;

use ledger_store::headfile::HeadFileError;
use ledger_store::{Custody, StoreError};
use tokio_postgres::error::SqlState;

/// Why a store is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server does not answer, or refuses the role.
    #[error("cannot connect to PostgreSQL: {0}")]
    Connect(String),
    /// The URL cannot be read.
    #[error("the URL of the database: {0}; it looks like postgres://user@host:5432/database")]
    Url(String),
    /// The certificates that the server's is checked against.
    #[error("the certificates in {path}: {reason}; name a PEM file with store.ca_file")]
    Certificates {
        /// Where they were looked for.
        path: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
    /// The database has less than the head file says, or something else.
    #[error(
        "the log of {log} does not match the head file {path}: {detail}; nothing is signed. Connect to the newest database; if it is gone for good: `ledger recover --accept-loss`"
    )]
    HeadMismatch {
        /// The tenant, or the log's number if the database does not know it.
        log: String,
        /// What each of them says.
        detail: String,
        /// The head file.
        path: PathBuf,
    },
    /// The head file cannot be used.
    #[error(transparent)]
    HeadFile(#[from] HeadFileError),
    /// A head file that was named is not there.
    #[error("there is no head file {path}")]
    NoHeadFile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Processes work with the database, and must not.
    #[error("the ledger's processes have {connections} connections to the database: stop them all")]
    InUse {
        /// How many.
        connections: u64,
    },
    /// The database contradicts itself.
    #[error("the database is damaged: {0}; restore a backup")]
    Damaged(String),
    /// The ledger does not live here, or does not any more.
    #[error("{0}")]
    NotLive(String),
    /// The server is too old.
    #[error("PostgreSQL {found} is too old, {needed} is needed")]
    Version {
        /// What the server says.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// A setting that bytes or durability depend on.
    #[error("the database's {setting} is {found}, must be {wanted}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The database was written by a newer version.
    #[error("the database has schema {found}, this version knows {known}; use the newer version")]
    Newer {
        /// Its schema version.
        found: i64,
        /// The newest schema version known here.
        known: i64,
    },
    /// A statement failed.
    #[error("{what}: {reason}; does the role own the schema?")]
    Statement {
        /// What was tried.
        what: &'static str,
        /// What the server says.
        reason: String,
    },
}

/// The code of a write where the ledger does not live (migration 0003); its message is what the database is.
const NOT_LIVE: &str = "LG001";

/// A failure while working.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PgError {
    #[error("{0}")]
    Server(String),
    #[error("{0}")]
    Full(String),
    #[error("{0}")]
    ReadOnly(String),
    #[error("{0}")]
    Corrupt(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotLive(String),
}

impl PgError {
    /// The contract's error, for a request of which nothing has happened.
    pub fn nothing_happened(&self) -> StoreError {
        let reason = self.to_string();
        match self {
            Self::Server(_) => StoreError::Unavailable { reason },
            Self::Full(_) => StoreError::Full { reason },
            Self::ReadOnly(_) => StoreError::ReadOnly { reason },
            Self::Corrupt(_) => StoreError::Corrupt { what: reason },
            Self::Invalid(_) => StoreError::Invalid { reason },
            Self::NotLive(_) => StoreError::NotLive { reason },
        }
    }
}

impl From<tokio_postgres::Error> for PgError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refused) = error.as_db_error().filter(|error| error.code().code() == NOT_LIVE) {
            let custody = Custody::parse(refused.message());
            return Self::NotLive(custody.map_or(refused.to_string(), |custody| custody.to_string()));
        }
        let reason = match error.as_db_error() {
            Some(db) => db.to_string(),
            None => error.to_string(),
        };
        match error.code() {
            Some(&SqlState::DISK_FULL) => Self::Full(reason),
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Self::ReadOnly(reason),
            Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => Self::Corrupt(reason),
            _ => Self::Server(reason),
        }
    }
}
