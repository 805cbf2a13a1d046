//! `ledger probe`: the verb of the probe crate, with this process's environment and signals.

use std::process::ExitCode;

use anyhow::Result;
use ledger_probe::runner::Stop;
use ledger_probes::cli::{self, Outcome, ProbeArgs};
use tokio::signal::unix::{SignalKind, signal};

use crate::config;

/// Runs the verb; SIGINT and SIGTERM end a daemon after the runs that are under way.
///
/// # Errors
/// What the verb cannot do. What was accepted is in the spool all the same.
pub fn run(args: &ProbeArgs) -> Result<ExitCode> {
    let stop = Stop::default();
    let runtime = super::serve::runtime()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let stopping = stop.clone();
    runtime.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stopping.stop();
        // Whoever asks twice means it.
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(1);
    });
    let key = config::api_key();
    match cli::run(args, key.as_deref(), &stop, &mut std::io::stdout())? {
        Outcome::Done => Ok(ExitCode::SUCCESS),
        Outcome::Incomplete => Ok(ExitCode::FAILURE),
    }
}
