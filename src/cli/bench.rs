//! `ledger bench`.

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
    /// Reading the log in order, and read-model queries.
    Read,
    /// Offline verification of an exported bundle.
    Verify,
    /// Rebuilding all read models.
    Rebuild,
}

/// What to measure and with how much.
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
    /// An empty PostgreSQL database, `postgres://…`, on which the same is measured (append, rebuild).
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// One JSON object a figure: name, value, unit, reference, `reference_value`, ratio.
    #[arg(long)]
    pub json: bool,
}
