//! The embedded event store and read-model store on SQLite.

mod checkpointer;
mod committer;
mod core;
mod error;
mod headfile;
mod lock;
mod open;
mod options;
mod query;
mod read;
mod readers;
mod side;
mod sqlite;
mod store;
mod views;

pub use error::OpenError;
pub use options::StoreOptions;
pub use store::SqliteStore;
pub use views::SqliteViews;
