//! `ledger erase`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use ledger::ids::{SubjectId, TenantId};
use serde_json::Value;

use super::serve::runtime;
use crate::api::local::LocalErasure;
use crate::api::subjects::erase::ErasedSubject;
use crate::config::Config;
use crate::http::local;
use crate::runtime::node::{Node, Role};

/// Whom to erase.
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The data directory. A server may be running on it.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// In whose log; the first tenant's without it. Contacts of tenants stand in the log of `system`.
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
    /// The data subject's opaque id. It cannot be undone.
    #[arg(long, value_name = "ID")]
    subject: SubjectId,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Destroys the key and the ciphertexts of a data subject, and records that in the log; through the server if one runs.
///
/// # Errors
/// There is no ledger, nothing is known of the subject, or a hold runs.
pub fn run(mut config: Config, args: EraseArgs) -> Result<ExitCode> {
    super::existing(&mut config, args.data.as_ref())?;
    let request = LocalErasure { tenant: args.tenant, subject: args.subject };
    let erased = runtime()?.block_on(async {
        match local::ask(&config.data.dir, "/local/erase", serde_json::to_vec(&request)?).await? {
            Some(response) => {
                let (status, body) = local::collect(response).await?;
                if status != 200 {
                    let problem: Value = serde_json::from_slice(&body)?;
                    let word = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
                    bail!("{}; {}", word("detail"), word("hint"));
                }
                Ok(serde_json::from_slice::<ErasedSubject>(&body)?)
            }
            None => {
                let node = Node::open(config, Role::Serve).await?;
                let erased = request.run(&node.app).await;
                node.close().await;
                match erased {
                    Ok(erased) => Ok(erased),
                    Err(error) => bail!("{}; {}", error.detail, error.hint.unwrap_or_default()),
                }
            }
        }
    })?;
    if args.json {
        println!("{}", serde_json::to_string(&erased)?);
    } else {
        println!("erased {}: {} members cannot be read any more", erased.subject, erased.members);
    }
    Ok(ExitCode::SUCCESS)
}
