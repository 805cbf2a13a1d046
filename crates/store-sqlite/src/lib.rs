//! The embedded event store and read-model store on SQLite.
//!
//! `README.md` beside this crate tells the life of an event. In short: callers → `committer` (one thread, group
//! commit) → `core` (checks and rows in one transaction) → the head file → answers; `readers` answer questions
//! (`read`, `query`); `side` keeps what may change; `open` holds the database against the head file;
//! [`look`] reads beside a server; [`verify_store`] computes everything again; [`accept_loss`] goes on after a loss.

mod checkpointer;
mod committer;
mod core;
mod error;
#[cfg(test)]
mod faults;
mod lock;
mod look;
mod open;
mod options;
mod portable;
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
pub use look::{Look, look};
pub use options::StoreOptions;
pub use recover::accept_loss;
pub use store::SqliteStore;
pub use verify::{custody_of, verify_store};
pub use views::SqliteViews;
