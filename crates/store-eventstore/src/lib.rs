//! The event store on EventStoreDB or KurrentDB. **Experimental** until it has run on a real cluster.
//!
//! ```text
//!                      EventStoreDB                         this process
//!   log of tenant a    stream log-a   0 1 2 3 …  ──┐
//!   log of tenant b    stream log-b   0 1 …      ──┴─ $all ──▶ index (SQLite): heads, commands, tree, tiles, positions
//!                                                              ▲ what stands beside the log: side store
//! ```
//!
//! - **The log is the server's.** Each tenant's log is one stream whose revision is the leaf index, and each event's
//!   data is the log entry byte for byte, so whoever reads the stream computes the same roots.
//! - **The index is derived** ([`ledger_store_sqlite`], a directory of its own): every process follows `$all` and takes
//!   the entries in that order, so that positions are the same in every process and after a rebuild. It can be deleted
//!   while nothing runs, and is made again.
//! - **The side store is kept**: secrets, disclosures, command records, blobs, checkpoints. Nothing in it can be derived,
//!   and none of it may lie on a server that keeps everything for ever. One process keeps it in SQLite; several share
//!   one in PostgreSQL.
//!
//! An append is decided on the index and sent with the exact revision that it was decided on. If another process was
//! faster the server refuses, the tail is read, and everything is decided again. What became of an append is never
//! concluded from the server's answer but from the log that is read back.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use ledger_store_eventstore::{EsdbOptions, EventStoreDbStore};
//! use ledger_store_sqlite::{SqliteStore, StoreOptions};
//!
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! let side = StoreOptions::new("/var/lib/ledger/side", "/var/lib/ledger-heads/side", [7; 32]);
//! let side = Arc::new(SqliteStore::open(side)?);
//! let options = EsdbOptions::new("esdb://ledger:secret@db-1,db-2,db-3:2113", "/var/lib/ledger/index", side);
//! let store = Arc::new(EventStoreDbStore::open(options).await?);
//! # Ok(())
//! # }
//! ```

mod annex;
mod chunk;
mod committer;
mod derive;
mod entry;
mod error;
#[cfg(test)]
mod faults;
mod link;
mod open;
mod options;
mod parts;
mod plan;
mod reference;
mod request;
mod side;
mod store;

pub use error::OpenError;
pub use options::EsdbOptions;
pub use reference::plain_appends;
pub use store::EventStoreDbStore;
