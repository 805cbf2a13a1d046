//! The command line: one file a verb.

pub mod adapter;
pub mod adapters;
pub mod backup;
pub mod bench;
mod carried;
pub mod copy;
pub mod doctor;
pub mod erase;
pub mod export;
pub mod integrations;
pub mod migrate;
pub mod openapi;
pub mod probe;
pub mod recover;
pub mod remote;
pub mod restore;
pub mod routes;
pub mod secrets;
pub mod serve;
pub mod tasks;
pub mod verify;
pub mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::{Config, DEFAULTS, StoreUrl};

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
    /// The database that several processes share: postgres://user@host:5432/database. Without it the ledger is embedded in
    /// its data directory.
    #[arg(long, global = true, value_name = "URL")]
    store: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the ledger.
    #[command(
        after_help = "Examples:\n  ledger serve\n  ledger serve --store postgres://ledger@db.example.org/ledger --data node-1\n  ledger serve --store postgres://ledger@db.example.org/ledger --data node-1 --api-only"
    )]
    Serve(serve::ServeArgs),
    /// Do the work of a ledger that several processes share: reactors, deadlines, schedules, and what goes to other systems.
    #[command(
        after_help = "Example:\n  ledger worker --store postgres://ledger@db.example.org/ledger --data worker-1"
    )]
    Worker(serve::WorkerArgs),
    /// Bring a database's schema up to date, or see what would be done.
    #[command(
        after_help = "Examples:\n  ledger migrate --store postgres://owner@db.example.org/ledger --dry-run\n  ledger migrate --store postgres://owner@db.example.org/ledger"
    )]
    Migrate(migrate::MigrateArgs),
    /// Look at everything that a ledger needs, and say how to mend what is not as it should be. Changes nothing.
    #[command(
        after_help = "Exit code 0: nothing failed; 1: something did. A server may be running.\nExamples:\n  ledger doctor --data ledger-data\n  ledger doctor --store postgres://ledger@db.example.org/ledger --data node-1 --json"
    )]
    Doctor(doctor::DoctorArgs),
    /// See all of it in one go: evidence of this machine becomes signed, verified history.
    #[command(after_help = "Examples:\n  ledger demo\n  ledger demo --exit --data demo-data")]
    Demo(crate::demo::DemoArgs),
    /// Look at systems and hand in what is found.
    #[command(
        after_help = "Examples:\n  ledger probe run linux-host --key-file ledger-data/admin.key\n  ledger probe run linux-host --dry-run\n  ledger probe daemon probes/"
    )]
    Probe(ledger_probes::cli::ProbeArgs),
    /// Write a tenant's history, or some of its events, as a bundle that anyone can verify.
    #[command(
        after_help = "Examples:\n  ledger export --data ledger-data --out bundle\n  ledger export --data ledger-data --out pack --events 12,15\n  ledger export --data ledger-data --out bundle --tenant system --redact"
    )]
    Export(export::ExportArgs),
    /// Destroy what is readable of a data subject, for good, and say so in the log.
    #[command(
        after_help = "Example:\n  ledger erase --data ledger-data --tenant system --subject 01a20311-b8c6-754a-8d17-da8225cfe631"
    )]
    Erase(erase::EraseArgs),
    /// Verify a live store against its head file, and its read models against a rebuild.
    #[command(
        after_help = "Exit code 0: everything holds; 1: it does not, and what fails is named.\nExample:\n  ledger verify --data ledger-data"
    )]
    Verify(verify::VerifyArgs),
    /// Go on with a database that is behind its head file, and say in the log what was lost.
    #[command(after_help = "Example:\n  ledger recover --data ledger-data --accept-loss")]
    Recover(recover::RecoverArgs),
    /// Make a verified snapshot of a ledger, which may be being written.
    #[command(
        after_help = "A server may be running. The key file is no part of a backup: keep it apart.\nExamples:\n  ledger backup --data ledger-data --out /backups/2026-11-22\n  ledger backup --store postgres://ledger@db.example.org/ledger --data node-1 --out /backups/2026-11-22\n  ledger verify --data /backups/2026-11-22"
    )]
    Backup(backup::BackupArgs),
    /// Make a ledger of a backup, in an empty directory or database.
    #[command(
        after_help = "Where the newest head file still lies in the directory, a backup that lacks something is refused at the next start.\nExamples:\n  ledger restore /backups/2026-11-22 --data ledger-data\n  ledger restore /backups/2026-11-22 --store postgres://ledger@db.example.org/empty"
    )]
    Restore(restore::RestoreArgs),
    /// Move a ledger to another store, with the same bytes, positions and roots; the one it came from is sealed.
    #[command(
        after_help = "It can be cut off at any point and run again. A directory must not be served meanwhile; a database may be, until it is sealed.\nExamples:\n  ledger copy --from sqlite:ledger-data --to postgres://ledger@db.example.org/ledger --data node-1\n  ledger copy --from postgres://ledger@db.example.org/ledger --to sqlite:ledger-data --data node-1"
    )]
    Copy(copy::CopyArgs),
    /// Measure, with a reference in the same run.
    #[command(
        after_help = "Examples:\n  ledger bench append --events 1000000 --streams 10000\n  ledger bench http --clients 16 --batch 100 --json\n  ledger bench append --store postgres://ledger@db.example.org/empty"
    )]
    Bench(bench::BenchArgs),
    /// Install, list, pin and roll back packages of custom adapters.
    #[command(
        after_help = "Examples:\n  ledger adapters install examples/adapter-python\n  ledger adapters list\n  ledger adapters pin http-sink 1.1.0\n  ledger adapters rollback http-sink"
    )]
    Adapters(adapters::AdaptersArgs),
    /// Handle what a running ledger is connected with: configure, look, run, and see what would be sent.
    #[command(
        after_help = "Examples:\n  ledger integrations register jira-main --kind jira --name \"Jira of the platform team\"\n  ledger integrations validate jira-main jira.json\n  ledger integrations dry-run jira-main\n  ledger integrations run jira-main health --key-file ledger-data/admin.key"
    )]
    Integrations(integrations::IntegrationsArgs),
    /// Say which events of a running ledger become tasks and tickets, and see why one did not.
    #[command(
        after_help = "Examples:\n  ledger routes set failures --integration jira-main --framework starter --due-seconds 604800\n  ledger routes list --json\n  ledger routes explain 412"
    )]
    Routes(routes::RoutesArgs),
    /// See what is to be brought about in other systems, and try again what waits.
    #[command(
        after_help = "Examples:\n  ledger work list --state parked\n  ledger work replay --integration jira-main\n  ledger work show 0197c5a0-0000-7000-8000-000000000001"
    )]
    Work(work::WorkArgs),
    /// Handle what is to be done.
    #[command(
        after_help = "Examples:\n  ledger tasks list --state open\n  ledger tasks open \"Rotate the keys of the build server\" --severity critical\n  ledger tasks accept-risk 0197c5a0-0000-7000-8000-000000000001 --until 2027-01-01T00:00:00Z"
    )]
    Tasks(tasks::TasksArgs),
    /// Keep what connections need to come in. It is sealed, and never shown again.
    #[command(
        after_help = "Examples:\n  ledger secrets put jira-token token.txt\n  pass show jira | ledger secrets put jira-token\n  ledger secrets list"
    )]
    Secrets(secrets::SecretsArgs),
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
        // It tells what is wrong with the settings, all of it at once.
        if let Verb::Doctor(args) = &self.verb {
            return doctor::run(self.config.as_deref(), self.store, args);
        }
        if let (Verb::Copy(_), Some(_)) = (&self.verb, &self.store) {
            bail!("a copy has two stores: name them with --from and --to, not with --store");
        }
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(store) = self.store {
            config.store.url = store;
        }
        match self.verb {
            Verb::Serve(args) => serve::run(config, &args),
            Verb::Worker(args) => serve::work(config, &args),
            Verb::Migrate(args) => migrate::run(&config, &args),
            Verb::Doctor(_) => unreachable!("it reads its settings itself"),
            Verb::Demo(args) => crate::demo::run(config, &args),
            Verb::Probe(args) => probe::run(&args),
            Verb::Export(args) => export::run(config, args),
            Verb::Erase(args) => erase::run(config, args),
            Verb::Verify(args) => verify::run(config, &args),
            Verb::Recover(args) => recover::run(config, &args),
            Verb::Backup(args) => backup::run(config, args),
            Verb::Restore(args) => restore::run(config, args),
            Verb::Copy(args) => copy::run(&config, args),
            Verb::Bench(args) => crate::bench::run(&config, &args).map(|()| ExitCode::SUCCESS),
            Verb::Adapters(args) => adapters::run(config, &args),
            Verb::Integrations(args) => integrations::run(&args),
            Verb::Routes(args) => routes::run(&args),
            Verb::Work(args) => work::run(&args),
            Verb::Tasks(args) => tasks::run(&args),
            Verb::Secrets(args) => secrets::run(&args),
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
    if config.store.url()? != StoreUrl::Embedded {
        return Ok(());
    }
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
