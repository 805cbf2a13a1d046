//! `ledger export`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use ledger::ids::{TenantId, uuid_v7};
use ledger_aggregates::values::ExportId;

use super::serve::runtime;
use crate::api::local::{LocalExport, Summary};
use crate::auth::principal::{Caller, Principal};
use crate::config::Config;
use crate::history::export::run as write;
use crate::http::lines::follow;
use crate::http::local;
use crate::runtime::node::{Node, Role};

/// What to export.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The data directory. A server may be running on it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The directory to make.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Whose log; the first tenant's without it.
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// Leave confidential and personal members and blobs out; everything still verifies.
    #[arg(long)]
    redact: bool,
    /// An evidence pack of these events alone: indexes in the log, or ids of evidence, with commas between them.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    events: Vec<String>,
    /// What it is for: audit, regulator, portability or backup.
    #[arg(long, default_value = "audit")]
    purpose: String,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Writes the bundle, through the server if one runs.
///
/// # Errors
/// There is no ledger, or the bundle cannot be written.
pub fn run(mut config: Config, args: ExportArgs) -> Result<ExitCode> {
    super::existing(&mut config, args.data.as_ref())?;
    let out = std::path::absolute(&args.out).context("the directory's path")?;
    let request = LocalExport {
        tenant: args.tenant,
        out,
        redact: args.redact,
        purpose: args.purpose,
        events: args.events,
    };
    let summary = runtime()?.block_on(async {
        match local::ask(&config.data.dir, "/local/export", serde_json::to_vec(&request)?).await? {
            Some(response) => {
                let bar = super::bar("exporting");
                let summary = follow(response, |far| {
                    bar.set_length(far.of);
                    bar.set_position(far.done);
                });
                summary.await
            }
            None => alone(config, request).await,
        }
    })?;
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        println!("exported tenant {}", summary.tenant);
        println!(
            "  {} entries, {} disclosed members, {} files, {} bytes",
            summary.entries, summary.disclosures, summary.files, summary.bytes
        );
        println!("  {}", args.out.display());
        println!("verify it, offline:  ledger-replay verify {}", args.out.display());
    }
    Ok(ExitCode::SUCCESS)
}

async fn alone(config: Config, request: LocalExport) -> Result<Summary> {
    let node = Node::open(config, Role::Serve).await?;
    let tenant = request.tenant.clone().unwrap_or_else(|| node.app.first_tenant());
    let caller = Caller { principal: Principal::local_operator(TenantId::system()).into(), tenant };
    let bar = super::bar("exporting");
    let id = ExportId(uuid_v7(&*node.app.clock, &*node.app.entropy));
    let written = write(&node.app, &caller, request.request(id), |progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.entries);
    })
    .await;
    node.close().await;
    Ok(Summary::of(&caller.tenant, &written?))
}
