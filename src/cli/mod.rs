//! The command line: one file a verb.

pub mod bench;
pub mod export;
pub mod openapi;
pub mod probe;
pub mod recover;
pub mod serve;
pub mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

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
    /// See all of it in one go: evidence of this machine becomes signed, verified history.
    #[command(after_help = "Examples:\n  ledger demo\n  ledger demo --exit --data demo-data")]
    Demo(crate::demo::DemoArgs),
    /// Look at systems and hand in what is found.
    #[command(
        after_help = "Examples:\n  ledger probe run linux-host --key-file ledger-data/admin.key\n  ledger probe run linux-host --dry-run\n  ledger probe daemon probes/"
    )]
    Probe(ledger_probes::cli::ProbeArgs),
    /// Write a tenant's whole history as a bundle that anyone can verify.
    #[command(
        after_help = "Examples:\n  ledger export --data ledger-data --out bundle\n  ledger export --data ledger-data --out bundle --tenant system --redact"
    )]
    Export(export::ExportArgs),
    /// Verify a live store against its head file, and its read models against a rebuild.
    #[command(
        after_help = "Exit code 0: everything holds; 1: it does not, and what fails is named.\nExample:\n  ledger verify --data ledger-data"
    )]
    Verify(verify::VerifyArgs),
    /// Go on with a database that is behind its head file, and say in the log what was lost.
    #[command(after_help = "Example:\n  ledger recover --data ledger-data --accept-loss")]
    Recover(recover::RecoverArgs),
    /// Measure, with a reference in the same run.
    #[command(
        after_help = "Examples:\n  ledger bench append --events 1000000 --streams 10000\n  ledger bench http --clients 16 --batch 100 --json"
    )]
    Bench(bench::BenchArgs),
    /// Print the OpenAPI document.
    Openapi,
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
            Verb::Demo(args) => crate::demo::run(config, &args),
            Verb::Probe(args) => probe::run(&args),
            Verb::Export(args) => export::run(config, args),
            Verb::Verify(args) => verify::run(config, &args),
            Verb::Recover(args) => recover::run(config, &args),
            Verb::Bench(args) => crate::bench::run(&args).map(|()| ExitCode::SUCCESS),
            Verb::Openapi => openapi::run(),
            Verb::Config => {
                print!("{DEFAULTS}");
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// The configuration for a data directory that must hold a ledger: only `serve` and `demo` make one.
///
/// # Errors
/// There is none.
pub fn existing(config: &mut Config, data: Option<&PathBuf>) -> Result<()> {
    if let Some(data) = data {
        config.data.dir.clone_from(data);
    }
    let dir = &config.data.dir;
    if !dir.join("events.db").exists() {
        bail!(
            "there is no ledger in {}; name its directory with --data, or make one with `ledger serve`",
            dir.display()
        );
    }
    Ok(())
}

/// A bar on standard error, if that is a terminal.
pub fn bar(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}
