//! The event store and the read models on PostgreSQL, shared by several ledger processes.
//!
//! - `connect`: connections, what is asked of the server, migrations under an advisory lock.
//! - `committer`: one task a process; its commits take the lock of one row first, so that commit order is position
//!   order whoever commits; `look_up` tells what became of one whose answer was lost.
//! - `batch`: what a group of appends needs to know, and what it writes; `write` and `copy_in` send it.
//! - `heads`, `unfolded`: the last event of each stream, as the newest events tell it; `fold` writes that down behind them,
//!   and `revisions` finds all of one stream.
//! - `read`, `side`: questions, and what may change.
//! - `portable`: what a copy needs, and what keeps a ledger that was moved from being written.
//! - `guard`: the head file, which shows that a database went back; `recover`: going on with it all the same.
//! - `leases`: who does what one process at a time may do.
//! - `look`: what an operator wants to know of a database, read and nothing else.
//! - `listen`: LISTEN/NOTIFY with polling behind it.
//! - `views`: read models, folded by one process and read by all.

mod batch;
mod committer;
mod connect;
mod copy_in;
mod error;
mod fold;
mod guard;
mod heads;
mod leases;
mod listen;
mod logs;
mod look;
mod look_up;
mod names;
mod options;
mod portable;
mod read;
mod readers;
mod recover;
mod reference;
mod revisions;
mod rows;
mod side;
mod statements;
mod store;
mod tls;
mod unfolded;
mod views;
mod write;

pub use connect::{is_empty, migrate, pending};
pub use error::OpenError;
pub use guard::{HeadOptions, holds_what_the_head_file_says};
pub use look::{Contents, Folded, Look, look};
pub use options::PostgresOptions;
pub use recover::accept_loss;
pub use reference::{MessageDb, PlainTable, message_db, notify_round_trips, plain_table};
pub use store::PostgresStore;
pub use views::PostgresViews;
