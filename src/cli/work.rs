//! `ledger work`: what is to be brought about in other systems, and what of it waits for somebody.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::remote::{Connection, Remote, segment};

/// What to do with it.
#[derive(Debug, Args)]
pub struct WorkArgs {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: WorkVerb,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
enum WorkVerb {
    /// Show it, newest first.
    List {
        /// Only in this state: due, running, uncertain, parked, succeeded or cancelled.
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one piece, with why it waits and its exchanges.
    Show {
        /// The intent.
        id: String,
    },
    /// Show the exact request that one piece would send first. Nothing is sent.
    Preview {
        /// The intent.
        id: String,
    },
    /// Show every request of one piece up to the first that changes something. What it needs to know is read there;
    /// nothing is changed.
    DryRun {
        /// The intent.
        id: String,
    },
    /// Try parked work again: one piece, or all of an integration.
    Replay {
        /// The intent.
        id: Option<String>,
        /// All parked work of this integration.
        #[arg(long, value_name = "ID", conflicts_with = "id")]
        integration: Option<String>,
    },
    /// Let one piece that waits not be carried out any more.
    Cancel {
        /// The intent.
        id: String,
    },
}

/// Does it.
///
/// # Errors
/// What the ledger says.
pub fn run(args: &WorkArgs) -> Result<ExitCode> {
    let remote = Remote::open(&args.connection)?;
    match &args.verb {
        WorkVerb::List { state } => {
            let columns = [
                ("INTENT", "intent"),
                ("STATE", "state"),
                ("KIND", "kind"),
                ("INTEGRATION", "integration"),
                ("ATTEMPTS", "attempts"),
                ("REASON", "reason"),
                ("DUE (UTC)", "due"),
            ];
            let only = match state {
                Some(state) => format!("?state={}", segment(state)?),
                None => String::new(),
            };
            remote.list(&format!("/intents{only}"), &columns, "no work")?;
        }
        WorkVerb::Show { id } => remote.show("GET", &format!("/intents/{}", segment(id)?), None)?,
        WorkVerb::Preview { id } => {
            remote.show("GET", &format!("/intents/{}/preview", segment(id)?), None)?
        }
        WorkVerb::DryRun { id } => {
            remote.show("POST", &format!("/intents/{}/dry-run", segment(id)?), Some(&json!({})))?;
        }
        WorkVerb::Replay { id: Some(id), .. } => {
            remote.order("POST", &format!("/intents/{}/replay", segment(id)?), &json!({}), "replayed")?;
        }
        WorkVerb::Replay { integration: Some(id), .. } => {
            remote.show(
                "POST",
                &format!("/integrations/{}/intents/replay", segment(id)?),
                Some(&json!({})),
            )?;
        }
        WorkVerb::Replay { .. } => bail!("name an intent, or an integration with --integration"),
        WorkVerb::Cancel { id } => {
            remote.order("POST", &format!("/intents/{}/cancel", segment(id)?), &json!({}), "cancelled")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
