//! Why a store cannot be opened, and what goes wrong while working.

use ledger_store::StoreError;

/// Why a store is not opened. Nothing has been changed on the server.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The connection string is not one.
    #[error("the connection string is not valid: {0}; write esdb://user:password@host:2113 or kurrentdb://…")]
    Url(String),
    /// The server does not answer, or refuses the user.
    #[error("EventStoreDB: {0}; does it run, and may the user read $all?")]
    Server(String),
    /// The index cannot be opened.
    #[error("the index: {0}; it is derived: if it is damaged, delete its directory and start again")]
    Index(#[from] ledger_store_sqlite::OpenError),
    /// The index cannot be read or written, or contradicts the server.
    #[error("the index: {0}")]
    Derive(StoreError),
    /// The side store cannot be read.
    #[error("the side store: {0}")]
    Side(StoreError),
    /// The server or the index has a log that the side store has never heard of.
    #[error(
        "the side store does not know the log of tenant {tenant}, which is there: its keys, disclosures and command \
         records are missing, and cannot be derived. Restore the side store from a backup; one of any age will do"
    )]
    SideMissing {
        /// Whose log.
        tenant: String,
    },
    /// The server has less than was derived or signed, or something else.
    #[error(
        "the server's log of tenant {tenant} is not the one that was there: {detail}. Nothing is signed. Restore the \
         server's newest data; what it has lost cannot be made again from here"
    )]
    Lost {
        /// Whose log.
        tenant: String,
        /// What each of them says.
        detail: String,
    },
}

/// A failure while working.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// It may be better the next time.
    #[error("{0}")]
    Server(String),
    /// Of the index or the side store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log contradicts itself, or what was derived from it.
    #[error("{0}")]
    Corrupt(String),
    /// The log of a tenant that the side store does not know.
    #[error("the side store does not know tenant {0}")]
    Unknown(String),
}

impl Failure {
    /// The contract's error for a request of which nothing has happened.
    pub fn nothing_happened(&self) -> StoreError {
        match self {
            Self::Server(reason) => StoreError::Unavailable { reason: reason.clone() },
            Self::Store(error) => error.clone(),
            Self::Corrupt(what) => StoreError::corrupt(what.clone()),
            Self::Unknown(tenant) => StoreError::corrupt(format!(
                "the server has a log of tenant {tenant}, which the side store does not know"
            )),
        }
    }

    /// Does every later attempt fail like this one?
    pub fn is_final(&self) -> bool {
        match self {
            Self::Server(_) | Self::Unknown(_) => false,
            Self::Store(error) => matches!(error, StoreError::Corrupt { .. }),
            Self::Corrupt(_) => true,
        }
    }
}
