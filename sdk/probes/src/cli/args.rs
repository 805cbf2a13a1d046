//! The arguments of the verb.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Look at systems and hand in what is found.
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Verb {
    /// Run probes once, now.
    Run(RunArgs),
    /// Run probes on their schedules until stopped.
    Daemon {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        connection: Connection,
    },
    /// Write a probe file to begin with.
    Init {
        /// linux-host, postgres, mlflow or command.
        what: String,
        /// Where to write it.
        #[arg(long, value_name = "DIR", default_value = "probes")]
        dir: PathBuf,
    },
    /// Hand in again what the ledger refused for good, after its cause is mended.
    Resubmit {
        #[command(flatten)]
        connection: Connection,
        /// How many seconds to wait for the receipts.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        wait: u64,
    },
    /// Show what waits, what was refused, and the last runs.
    Status {
        /// The spool's directory.
        #[arg(long, value_name = "DIR", default_value = DEFAULT_SPOOL)]
        spool: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) what: What,
    #[command(flatten)]
    pub(super) connection: Connection,
    /// Look, print what would be handed in, and hand in nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How many seconds to wait for the receipts; what has none then stays in the spool.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(super) wait: u64,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// What to look at.
#[derive(Debug, Clone, Args)]
pub(super) struct What {
    /// Probe files, directories of them, or the names of probes that need no options.
    #[arg(value_name = "FILE|DIR|NAME", default_value = "linux-host")]
    pub(super) probes: Vec<String>,
    /// For probes by name: what is looked at, as an opaque reference.
    #[arg(long, value_name = "ID", default_value = "default")]
    pub(super) target_ref: String,
    /// For probes by name: its name; confidential.
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// For probes by name: frameworks whose controls are named.
    #[arg(long, value_name = "ID", default_value = "starter")]
    pub(super) framework: Vec<String>,
}

/// How to reach the ledger.
#[derive(Debug, Clone, Args)]
pub(super) struct Connection {
    /// The ledger's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(super) url: String,
    /// A file that holds the API key, instead of LEDGER_API_KEY.
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
    /// Where evidence waits.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_SPOOL)]
    pub(super) spool: PathBuf,
    /// The probe's id at the ledger; with it, heartbeats are sent.
    #[arg(long, value_name = "ID")]
    pub(super) probe_id: Option<String>,
    /// A trust file, or the hash of the log's genesis; without it the first answer is believed.
    #[arg(long, value_name = "FILE|HASH")]
    pub(super) trust: Option<String>,
    /// PEM file of the certificates to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// Accept plain HTTP to another machine.
    #[arg(long)]
    pub(super) allow_plain_http: bool,
}

const DEFAULT_SPOOL: &str = "ledger-probe";
