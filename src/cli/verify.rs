//! `ledger verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use ledger_store::verify::{Failure, Verification, verify_events};
use ledger_store::{Access, Custody, Portable};
use ledger_store_postgres::{OpenError, PostgresOptions, PostgresStore, holds_what_the_head_file_says};
use ledger_store_sqlite::{StoreOptions, custody_of, verify_store};
use serde_json::{Value, json};

use super::serve::runtime;
use crate::config::{Config, StoreUrl};
use crate::http::local;
use crate::runtime::backend::{Backend, embedded_options, postgres_options};
use crate::runtime::keys::key_encryption_key;
use crate::runtime::node::{Node, Role};
use crate::runtime::place::head_options;

/// What to verify.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The data directory. A server may be running on it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Computes everything that is derived again and compares: chains, signatures, trees, tiles, heads, the head file, and the
/// read models.
///
/// # Errors
/// There is no ledger, or it cannot be read at all.
pub fn run(mut config: Config, args: &VerifyArgs) -> Result<ExitCode> {
    super::existing(&mut config, args.data.as_ref())?;
    let bar = super::bar("events");
    let progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let (mut report, live) = match config.store.url()? {
        StoreUrl::Embedded => embedded(&config, progress)?,
        StoreUrl::Postgres(url) => runtime()?.block_on(database(&config, &url, progress))?,
        StoreUrl::EventStoreDb(_) => runtime()?.block_on(async {
            let Backend { events, side, .. } = Backend::open(&config).await?;
            anyhow::Ok((verify_events(&*events, &*side, progress).await?, true))
        })?,
    };
    bar.finish_and_clear();
    // Read models of a store that does not hold would only repeat its faults, and one that is not served has none.
    let models = if report.holds() && live { Some(runtime()?.block_on(read_models(config))?) } else { None };
    for differing in models.iter().flat_map(|models| &models.differing) {
        report.failed += 1;
        report.failures.push(failure(format!("the read model {differing} differs from its rebuild")));
    }
    print(&report, models.as_ref(), args.json);
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verifies a directory; does the ledger live there?
fn embedded(config: &Config, progress: impl FnMut(u64, u64)) -> Result<(Verification, bool)> {
    let unguarded = StoreOptions::unguarded(&config.data.dir);
    let custody = custody_of(&unguarded).unwrap_or_default();
    // A backup has neither a key file nor a head file beside it.
    let options = match custody {
        Custody::Backup => unguarded,
        _ => embedded_options(config, &key_encryption_key(config, true)?),
    };
    let report = verify_store(&options, progress).unwrap_or_else(|error| refused(&error));
    Ok((report, matches!(custody, Custody::Live { .. })))
}

/// What the rebuild found.
struct Models {
    compared: u64,
    differing: Vec<String>,
}

/// Verifies a database, and holds it against the head file if this process has one; does the ledger live there?
async fn database(
    config: &Config,
    url: &str,
    progress: impl FnMut(u64, u64),
) -> Result<(Verification, bool)> {
    let mut options = postgres_options(config, url)?;
    options.head = head_options(config)?;
    match holds_what_the_head_file_says(&options).await {
        Err(error @ (OpenError::HeadMismatch { .. } | OpenError::HeadFile(_))) => {
            return Ok((refused(&error), false));
        }
        fits => drop(fits?),
    }
    let store = PostgresStore::open(PostgresOptions { access: Access::Carry, head: None, ..options }).await?;
    let live = matches!(store.custody().await?, Custody::Live { .. });
    Ok((verify_events(&store, &store, progress).await?, live))
}

/// A store that does not open is a finding, not an accident.
fn refused(error: &dyn std::error::Error) -> Verification {
    Verification { failed: 1, failures: vec![failure(error.to_string())], ..Verification::default() }
}

fn failure(reason: String) -> Failure {
    Failure { position: None, tenant: None, index: None, stream: None, reason }
}

/// Rebuilds the read models beside those that are there and compares; through the server if one runs.
async fn read_models(config: Config) -> Result<Models> {
    if let Some(response) = local::ask(&config.data.dir, "/local/rebuild", b"{}".to_vec()).await? {
        let (status, body) = local::collect(response).await?;
        let answer: Value = serde_json::from_slice(&body)?;
        if status != 200 {
            return Err(anyhow!("the server could not rebuild: {answer}"));
        }
        let differing =
            answer["differing"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        return Ok(Models {
            compared: answer["compared"].as_u64().unwrap_or(0),
            differing: differing.collect(),
        });
    }
    let node = Node::open(config, Role::Serve).await?;
    let rebuilt = node.app.views.rebuild(|_| {}).await;
    node.close().await;
    let rebuilt = rebuilt?;
    Ok(Models { compared: rebuilt.compared as u64, differing: rebuilt.differing })
}

fn print(report: &Verification, models: Option<&Models>, as_json: bool) {
    if as_json {
        let failures: Vec<Value> = report
            .failures
            .iter()
            .map(|f| json!({"tenant": f.tenant, "index": f.index, "position": f.position, "stream": f.stream.as_ref().map(|s| &s.0), "seq": f.stream.as_ref().map(|s| s.1), "reason": f.reason}))
            .collect();
        let compared = models.map(|models| models.compared);
        println!(
            "{}",
            json!({"ok": report.holds(), "events": report.events, "logs": report.logs.len(), "read_models_compared": compared, "failed": report.failed, "failures": failures})
        );
        return;
    }
    println!("{} events in {} logs", report.events, report.logs.len());
    for log in &report.logs {
        println!("  {} {:>9} entries, root {}", log.tenant, log.size, ledger::b64::encode(log.root));
    }
    match models {
        Some(models) => println!("{} digests of read models compared with a rebuild", models.compared),
        None => println!(
            "read models were not compared: the events come first, and where no ledger is served there are none"
        ),
    }
    for failure in &report.failures {
        println!("FAILED  {failure}");
    }
    println!("{}", if report.holds() { "everything holds" } else { "the store does not hold" });
}
