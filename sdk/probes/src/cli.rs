//! The verb `ledger probe`: `run`, `daemon`, `init`, `status`.
//!
//! The caller gives the API key (only the server's own crate reads the environment), where to print, and a [`Stop`]
//! that its signal handler raises.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, Subcommand};
use ledger::clock::SystemClock;
use ledger_probe::runner::{self, ProbeFile, Registry, RunEvent, Stop};
use ledger_probe::sleeper::SystemSleeper;
use ledger_probe::{Config, Probe, Trust, WhenFull};
use serde_json::{Value, json};

mod print;

/// Look at systems and hand in what is found.
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Clone, Subcommand)]
enum Verb {
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
struct RunArgs {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    connection: Connection,
    /// Look, print what would be handed in, and hand in nothing.
    #[arg(long)]
    dry_run: bool,
    /// How many seconds to wait for the receipts; what has none then stays in the spool.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What to look at.
#[derive(Debug, Clone, Args)]
struct What {
    /// Probe files, directories of them, or the names of probes that need no options.
    #[arg(value_name = "FILE|DIR|NAME", default_value = "linux-host")]
    probes: Vec<String>,
    /// For probes by name: what is looked at, as an opaque reference.
    #[arg(long, value_name = "ID", default_value = "default")]
    target_ref: String,
    /// For probes by name: its name; confidential.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// For probes by name: frameworks whose controls are named.
    #[arg(long, value_name = "ID", default_value = "starter")]
    framework: Vec<String>,
}

/// How to reach the ledger.
#[derive(Debug, Clone, Args)]
struct Connection {
    /// The ledger's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// A file that holds the API key, instead of LEDGER_API_KEY.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Where evidence waits.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_SPOOL)]
    spool: PathBuf,
    /// The probe's id at the ledger; with it, heartbeats are sent.
    #[arg(long, value_name = "ID")]
    probe_id: Option<String>,
    /// A trust file, or the hash of the log's genesis; without it the first answer is believed.
    #[arg(long, value_name = "FILE|HASH")]
    trust: Option<String>,
    /// PEM file of the certificates to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Accept plain HTTP to another machine.
    #[arg(long)]
    allow_plain_http: bool,
}

const DEFAULT_SPOOL: &str = "ledger-probe";

/// Why the verb failed. What was accepted is in the spool all the same.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// No key.
    #[error("an API key is needed: set LEDGER_API_KEY, or give --key-file")]
    NoKey,
    /// The key's file.
    #[error("cannot read the API key from {path}: {error}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The key.
    #[error(transparent)]
    Key(#[from] ledger::apikey::ApiKeyError),
    /// A probe file.
    #[error(transparent)]
    File(#[from] runner::FileError),
    /// The probe cannot start.
    #[error(transparent)]
    Start(#[from] ledger_probe::StartError),
    /// The spool cannot be read, or the output not written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It does not fit JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that was found has its receipt, or nothing was to be handed in.
    Done,
    /// Something was refused, or still waits in the spool.
    Incomplete,
}

/// Runs the verb. `api_key` is what the environment says.
///
/// # Errors
/// [`CliError`]
pub fn run(
    args: &ProbeArgs,
    api_key: Option<&str>,
    stop: &Stop,
    out: &mut (dyn Write + Send),
) -> Result<Outcome, CliError> {
    let registry = crate::registry();
    match &args.verb {
        Verb::Run(run) if run.dry_run => dry_run(run, &registry, out),
        Verb::Run(run) => run_once(run, api_key, &registry, out),
        Verb::Daemon { what, connection } => daemon(what, connection, api_key, &registry, stop, out),
        Verb::Init { what, dir } => {
            let path = runner::init(dir, what, &registry)?;
            writeln!(
                out,
                "{} is written: change it, then try it with ledger probe run --dry-run",
                path.display()
            )?;
            Ok(Outcome::Done)
        }
        Verb::Status { spool, json } => {
            let status = runner::status(spool)?;
            if *json {
                writeln!(out, "{}", serde_json::to_string(&status)?)?;
            } else {
                write!(out, "{status}")?;
            }
            Ok(Outcome::Done)
        }
    }
}

fn dry_run(args: &RunArgs, registry: &Registry, out: &mut dyn Write) -> Result<Outcome, CliError> {
    for file in files(&args.what, registry)? {
        let collected = runner::dry_run(&file, registry, &SystemClock)?;
        let shown =
            json!({"probe": file.name, "evidence": collected.evidence, "left_out": collected.left_out});
        let text =
            if args.json { serde_json::to_string(&shown)? } else { serde_json::to_string_pretty(&shown)? };
        writeln!(out, "{text}")?;
    }
    Ok(Outcome::Done)
}

fn run_once(
    args: &RunArgs,
    api_key: Option<&str>,
    registry: &Registry,
    out: &mut dyn Write,
) -> Result<Outcome, CliError> {
    let files = files(&args.what, registry)?;
    let probe = Probe::new(config(&args.connection, api_key)?)?;
    let mut runs = Vec::new();
    for file in &files {
        let submitted = runner::run_once(file, registry, &probe, &SystemClock, &|_| {})?;
        runs.push((file, submitted));
    }
    let delivered = probe.flush(Duration::from_secs(args.wait));
    let status = probe.status();
    if args.json {
        let runs: Vec<Value> = runs.iter().map(|(file, run)| print::json(file, run)).collect();
        writeln!(out, "{}", json!({"runs": runs, "status": status}))?;
    } else {
        for (file, run) in &runs {
            print::text(file, run, out)?;
        }
        print::delivery(&status, delivered, out)?;
    }
    let accepted = runs.iter().all(|(_, run)| run.is_ok());
    Ok(if delivered && accepted && status.rejected == 0 { Outcome::Done } else { Outcome::Incomplete })
}

fn daemon(
    what: &What,
    connection: &Connection,
    api_key: Option<&str>,
    registry: &Registry,
    stop: &Stop,
    out: &mut (dyn Write + Send),
) -> Result<Outcome, CliError> {
    let files = files(what, registry)?;
    // A daemon has time: when the spool is full it waits for the ledger.
    let probe = Probe::new(config(connection, api_key)?.when_full(WhenFull::Block))?;
    let out = Mutex::new(out);
    let tell = |event: RunEvent<'_>| {
        let mut out = out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Nobody reads the output any more: the probes run on.
        let _ = print::event(&event, &mut **out);
    };
    runner::daemon(&files, registry, &probe, &SystemClock, &SystemSleeper, stop, &tell)?;
    Ok(Outcome::Done)
}

fn files(what: &What, registry: &Registry) -> Result<Vec<ProbeFile>, CliError> {
    let mut files: Vec<ProbeFile> = Vec::new();
    for probe in &what.probes {
        if registry.get(probe).is_some() {
            let mut file = ProbeFile::of(probe, Value::Null);
            file.target_ref.clone_from(&what.target_ref);
            file.target.clone_from(&what.target);
            file.frameworks.clone_from(&what.framework);
            file.validate(registry)?;
            files.push(file);
        } else {
            files.extend(runner::load(&PathBuf::from(probe), registry)?);
        }
    }
    Ok(files)
}

fn config(connection: &Connection, api_key: Option<&str>) -> Result<Config, CliError> {
    let key = match &connection.key_file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| CliError::KeyFile { path: path.clone(), error })?
        }
        None => api_key.ok_or(CliError::NoKey)?.to_owned(),
    };
    let mut config = Config::new(&*connection.url, &key, &connection.spool)?;
    config.probe.clone_from(&connection.probe_id);
    config.ca_file.clone_from(&connection.ca);
    config.allow_plain_http = connection.allow_plain_http;
    config.trust = match &connection.trust {
        None => Trust::FirstUse,
        Some(text) if text.len() == 43 && !text.contains(['/', '.']) => Trust::Genesis(text.clone()),
        Some(path) => Trust::File(path.into()),
    };
    Ok(config)
}

#[cfg(test)]
mod tests;
