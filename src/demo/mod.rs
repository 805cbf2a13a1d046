//! `ledger demo`: the main job in one go, each step printed, each by the same commands and requests that a user would use.

mod client;
mod steps;
mod tamper;
mod vendors;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cli::serve::{Server, init_log, runtime, signalled};
use crate::config::Config;
use crate::runtime::node::Role;
use client::Client;
use steps::Stage;
use vendors::Vendors;

/// How to show it.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// A fresh directory for the demo; a temporary name in the current directory without it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to serve on; a free port without it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// End after the last step instead of serving on; the exit code tells whether everything held.
    #[arg(long)]
    exit: bool,
}

/// Shows everything; 0 if everything held.
///
/// # Errors
/// A step failed: which, and why.
pub fn run(mut config: Config, args: &DemoArgs) -> Result<ExitCode> {
    let dir = match &args.data {
        Some(dir) => dir.clone(),
        None => fresh()?,
    };
    if dir.exists() && std::fs::read_dir(&dir)?.next().is_some() {
        bail!(
            "{} is not empty: the demo starts from nothing; name a directory that does not exist",
            dir.display()
        );
    }
    config.data.dir = dir;
    config.server.listen = args.listen;
    config.log.level = "warn".to_owned();
    // The stand-ins for Jira and ServiceNow listen on this machine.
    config.egress.networks = "127.0.0.0/8".to_owned();
    init_log(&config);
    runtime()?.block_on(show(config, args.exit))
}

/// The first of ledger-demo, ledger-demo-2, … that does not exist.
fn fresh() -> Result<PathBuf> {
    let names =
        std::iter::once("ledger-demo".to_owned()).chain((2..1000).map(|n| format!("ledger-demo-{n}")));
    names.map(PathBuf::from).find(|name| !name.exists()).context("a thousand demos lie here; remove some")
}

async fn show(config: Config, exit: bool) -> Result<ExitCode> {
    let server = Server::start(config, Role::All).await?;
    let vendors = Arc::new(Vendors::start(Arc::clone(&server.node.app.clock)).await?);
    let shown = {
        let client = Client::new(
            server.url(),
            server.first_key.clone().context("the directory held a ledger already")?,
        );
        let stage = Stage { client, vendors: Arc::clone(&vendors), app: Arc::clone(&server.node.app) };
        tokio::task::spawn_blocking(move || steps::all(&stage)).await?
    };
    if let Err(error) = &shown {
        eprintln!("\nthe demo failed: {error:#}");
    } else if !exit {
        println!(
            "\nStill serving on {}. The key is in {}.",
            server.url(),
            server.node.app.config.data.dir.join("admin.key").display()
        );
        println!("Stop it with Ctrl-C.");
        signalled().await;
    }
    server.stop().await;
    Ok(if shown.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
