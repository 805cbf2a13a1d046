//! The verb `ledger probe`: `run`, `daemon`, `init`, `resubmit`, `status`.
//!
//! The caller gives the API key (only the server's own crate reads the environment), where to print, and a [`Stop`]
//! that its signal handler raises.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use ledger::clock::SystemClock;
use ledger_probe::runner::{self, ProbeFile, Registry, RunEvent, Stop};
use ledger_probe::sleeper::SystemSleeper;
use ledger_probe::{Config, Probe, Trust, WhenFull};
use serde_json::{Value, json};

mod args;
mod print;

pub use args::ProbeArgs;
use args::{Connection, RunArgs, Verb, What};

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

impl Outcome {
    const fn of(done: bool) -> Self {
        if done { Self::Done } else { Self::Incomplete }
    }
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
        Verb::Resubmit { connection, wait } => {
            let probe = Probe::new(config(connection, api_key)?)?;
            writeln!(out, "{} handed in again", probe.resubmit_rejected()?)?;
            deliver(&probe, *wait, out)
        }
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
    let accepted = runs.iter().all(|(_, run)| run.is_ok());
    if args.json {
        let delivered = probe.flush(Duration::from_secs(args.wait));
        let status = probe.status();
        let runs: Vec<Value> = runs.iter().map(|(file, run)| print::json(file, run)).collect();
        writeln!(out, "{}", json!({"runs": runs, "status": status}))?;
        return Ok(Outcome::of(accepted && delivered && status.rejected == 0));
    }
    for (file, run) in &runs {
        print::text(file, run, out)?;
    }
    let delivered = deliver(&probe, args.wait, out)?;
    Ok(if accepted { delivered } else { Outcome::Incomplete })
}

fn deliver(probe: &Probe, wait: u64, out: &mut dyn Write) -> Result<Outcome, CliError> {
    let delivered = probe.flush(Duration::from_secs(wait));
    let status = probe.status();
    print::delivery(&status, delivered, out)?;
    Ok(Outcome::of(delivered && status.rejected == 0))
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
