//! `ledger bench`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchKind {
    /// Signed, durable appends in process.
    Append,
    /// Work in other systems: from intents to outcomes, against a sink on this machine.
    Dispatch,
    /// Evidence over HTTP with authentication.
    Http,
    /// From an append to its events in another process of the same database.
    Latency,
    /// Reading the log in order, and read-model queries.
    Read,
    /// Offline verification of an exported bundle.
    Verify,
    /// Rebuilding all read models.
    Rebuild,
}

/// What to measure and with how much. `--store` names where: a store that is empty, and is filled; without it an embedded
/// ledger in a scratch directory.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Which benchmark.
    #[arg(value_enum)]
    pub kind: BenchKind,
    /// How many events to write or read; intents to carry out, at most 5,000 (dispatch).
    #[arg(long, default_value_t = 200_000)]
    pub events: u64,
    /// Over how many streams they are spread.
    #[arg(long, default_value_t = 10_000)]
    pub streams: u64,
    /// How many writers append at once.
    #[arg(long, default_value_t = 4)]
    pub writers: usize,
    /// Events that are in the store before the clock starts (append).
    #[arg(long, default_value_t = 0)]
    pub preload: u64,
    /// Events in one call or request; 0: 512 for append, 1 for http.
    #[arg(long, default_value_t = 0)]
    pub batch: usize,
    /// How many HTTP clients send at once.
    #[arg(long, default_value_t = 16)]
    pub clients: usize,
    /// The directory `database` of the npm package `@eventide/message-db`: its write function on the same server is a
    /// further reference (append on PostgreSQL).
    #[arg(long, value_name = "DIR")]
    pub message_db: Option<PathBuf>,
    /// This is the second process of a benchmark whose first has this directory.
    #[arg(long, value_name = "DIR", hide = true)]
    pub beside: Option<PathBuf>,
    /// One JSON object a figure: name, value, unit, reference, `reference_value`, ratio.
    #[arg(long)]
    pub json: bool,
}
