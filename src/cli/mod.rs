//! The command line: one file a verb.

pub mod probe;
pub mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::config::{Config, DEFAULTS};

/// An event-sourced, signed and verifiable ledger of everything that crosses your platform's border.
#[derive(Debug, Parser)]
#[command(
    name = "ledger",
    version,
    after_help = "Start here:\n  ledger demo             see all of it in one go\n  ledger serve            run it; no configuration needed\n  ledger-replay verify B  check an exported history, offline"
)]
pub struct Cli {
    /// A TOML file that overlays the defaults; LEDGER_* variables overlay both. `ledger config` prints all settings.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the ledger.
    Serve(serve::ServeArgs),
    /// Look at systems and hand in what is found: run, daemon, init, status.
    Probe(ledger_probes::cli::ProbeArgs),
    /// Print all settings with their defaults and meaning.
    Config,
}

impl Cli {
    /// Runs the verb. 0: it holds or is done; 1: it failed, with a cause and a hint on standard error; 2: wrong usage.
    pub fn run(self) -> ExitCode {
        match self.dispatch() {
            Ok(code) => code,
            Err(error) => {
                let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
                eprintln!("ledger: {}", causes.join(": "));
                ExitCode::FAILURE
            }
        }
    }

    fn dispatch(self) -> Result<ExitCode> {
        let config = Config::load(self.config.as_deref())?;
        match self.verb {
            Verb::Serve(args) => serve::run(config, &args),
            Verb::Probe(args) => probe::run(&args),
            Verb::Config => {
                print!("{DEFAULTS}");
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
