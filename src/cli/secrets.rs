//! `ledger secrets`: what connections need to come in. They can be put, replaced and deleted, never read.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::remote::{Connection, Remote, read, segment};

/// What to do with them.
#[derive(Debug, Args)]
pub struct SecretsArgs {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: SecretsVerb,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
enum SecretsVerb {
    /// Show their names, never their values.
    List,
    /// Keep one, or another value of it. The value comes from a file or standard input, never from the command line.
    Put {
        /// The name that configurations refer to.
        name: String,
        /// The file with the value, or - for standard input. One line break at its end is left out.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Destroy one. Work that needs it waits until there is another.
    Delete {
        /// The name.
        name: String,
    },
}

/// Does it.
///
/// # Errors
/// What the ledger says.
pub fn run(args: &SecretsArgs) -> Result<ExitCode> {
    let remote = Remote::open(&args.connection)?;
    match &args.verb {
        SecretsVerb::List => {
            let columns = [
                ("SECRET", "secret"),
                ("STATE", "state"),
                ("VERSION", "version"),
                ("CHANGED (UTC)", "changed_at"),
            ];
            remote.list("/secrets?limit=1000", &columns, "no secret is kept")?;
        }
        SecretsVerb::Put { name, file } => {
            let value = read(file)?;
            let value = value.strip_suffix('\n').unwrap_or(&value);
            remote.order(
                "PUT",
                &format!("/secrets/{}", segment(name)?),
                &json!({ "value": value }),
                "kept",
            )?;
        }
        SecretsVerb::Delete { name } => {
            remote.order("DELETE", &format!("/secrets/{}", segment(name)?), &json!({}), "destroyed")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
