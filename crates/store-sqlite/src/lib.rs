//! The embedded event store and read-model store on SQLite.

mod checkpointer;
mod committer;
mod core;
mod error;
#[cfg(test)]
mod faults;
mod headfile;
mod lock;
mod open;
mod options;
mod query;
mod read;
mod readers;
mod recover;
mod side;
mod sqlite;
mod store;
mod verify;
mod views;

pub use error::OpenError;
pub use lock::DirectoryLock;
pub use options::StoreOptions;
pub use recover::{AcceptedLoss, accept_loss};
pub use store::SqliteStore;
pub use verify::{Failure, Verification, VerifiedLog, verify_store};
pub use views::SqliteViews;
