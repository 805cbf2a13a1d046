//! `ledger adapters`: packages of custom adapters on this machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use ledger_connectors::host::{Package, Packages};
use ledger_connectors::registry;
use serde_json::json;

use super::remote::{Connection, Remote, segment};
use crate::config::Config;
use crate::connect::adapters;

/// What to do with them.
#[derive(Debug, Args)]
pub struct AdaptersArgs {
    /// The data directory. A server that runs on it takes a change up by itself.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: AdaptersVerb,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
enum AdaptersVerb {
    /// Copy a package in: a folder with manifest.json, the executable and templates. The first version of a name is used
    /// at once; a later one when it is pinned.
    Install {
        /// The folder.
        #[arg(value_name = "FOLDER")]
        from: PathBuf,
    },
    /// Show what is installed and which version is in use.
    List,
    /// Show one: what it does, and the JSON Schema of what it is told.
    Show {
        /// The adapter.
        name: String,
    },
    /// Use another installed version.
    Pin {
        /// The adapter.
        name: String,
        /// The version.
        version: String,
    },
    /// Use the version that was in use before.
    Rollback {
        /// The adapter.
        name: String,
    },
    /// Let one integration of a running ledger run another version than others, also in the place of a built-in adapter.
    Upgrade(UpgradeArgs),
}

/// Which adapter an integration is to run.
#[derive(Debug, Args)]
struct UpgradeArgs {
    #[command(flatten)]
    connection: Connection,
    /// The integration.
    integration: String,
    /// The version; the newest that is installed and fits the configuration without it.
    version: Option<String>,
    /// Run what others run again: the built-in adapter, or the version that is pinned for all.
    #[arg(long, conflicts_with = "version")]
    unpin: bool,
    /// Go back to what it ran before.
    #[arg(long, conflicts_with_all = ["version", "unpin"])]
    back: bool,
}

/// The packages of a data directory.
pub fn packages(config: &Config) -> Packages {
    Packages::at(packages_dir(config))
}

/// Where they lie.
pub fn packages_dir(config: &Config) -> PathBuf {
    config.data.dir.join("adapters")
}

/// Does it.
///
/// # Errors
/// What about the package is not taken.
pub fn run(mut config: Config, args: &AdaptersArgs) -> Result<ExitCode> {
    if let AdaptersVerb::Upgrade(args) = &args.verb {
        return upgrade(args);
    }
    super::existing(&mut config, args.data.as_ref())?;
    let packages = packages(&config);
    match &args.verb {
        AdaptersVerb::List => list(&packages, args.json)?,
        AdaptersVerb::Show { name } => show(&packages, name, args.json)?,
        AdaptersVerb::Install { from } => {
            let package = packages.install(from)?;
            let in_use = packages.open(&package.manifest.name)?.manifest.version == package.manifest.version;
            let next = if in_use {
                "it is in use".to_owned()
            } else {
                format!(
                    "use it with: ledger adapters pin {} {}",
                    package.manifest.name, package.manifest.version
                )
            };
            tell(&package, args.json, "installed", &next);
        }
        AdaptersVerb::Pin { name, version } => tell(&packages.pin(name, version)?, args.json, "pinned", ""),
        AdaptersVerb::Rollback { name } => {
            tell(&packages.rollback(name)?, args.json, "rolled back to", "");
        }
        // It is asked of a running ledger, above.
        AdaptersVerb::Upgrade(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn upgrade(args: &UpgradeArgs) -> Result<ExitCode> {
    let remote = Remote::open(&args.connection)?;
    let at = format!("/integrations/{}", segment(&args.integration)?);
    if args.back {
        remote.order("POST", &format!("{at}/rollback"), &json!({}), "rolled back")?;
    } else {
        let body = json!({ "version": args.version, "unpin": args.unpin });
        remote.order("POST", &format!("{at}/upgrade"), &body, "upgraded")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(package: &Package, as_json: bool, done: &str, next: &str) {
    let manifest = &package.manifest;
    if as_json {
        let told = json!({ "name": manifest.name, "version": manifest.version, "digest": package.digest });
        println!("{told}");
        return;
    }
    println!("{done} {} {}", manifest.name, manifest.version);
    println!("  digest   {}", package.digest);
    println!("  does     {}", manifest.capabilities.join(", "));
    let hosts =
        if manifest.hosts.is_empty() { "what you configure".to_owned() } else { manifest.hosts.join(", ") };
    println!("  reaches  {hosts}");
    if !next.is_empty() {
        println!("  {next}");
    }
}

fn show(packages: &Packages, name: &str, as_json: bool) -> Result<()> {
    let found = adapters::all(packages)?.into_iter().find(|adapter| adapter.name == name);
    let found = found.with_context(|| format!("there is no adapter {name}: ledger adapters list"))?;
    if as_json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(());
    }
    println!("{} {}: {}", found.name, found.version, found.description);
    println!("  does     {}", found.capabilities.join(", "));
    if let Some(problem) = &found.problem {
        println!("  problem  {problem}");
    }
    println!("what it is told (adapter in the configuration):\n{:#}", found.config_schema);
    Ok(())
}

fn list(packages: &Packages, as_json: bool) -> Result<()> {
    let installed = packages.list()?;
    if as_json {
        let built_in: Vec<&str> = registry::names().collect();
        let version = env!("CARGO_PKG_VERSION");
        println!("{}", json!({ "built_in": built_in, "built_in_version": version, "installed": installed }));
        return Ok(());
    }
    for name in registry::names() {
        println!("{name:<24} {:<10} built in", env!("CARGO_PKG_VERSION"));
    }
    for (name, versions) in installed {
        for (version, digest) in &versions.installed {
            let state = if *version == versions.pinned { "in use" } else { "installed" };
            println!("{name:<24} {version:<10} {state:<10} {digest}");
        }
    }
    Ok(())
}
