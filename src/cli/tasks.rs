//! `ledger tasks`: what is to be done.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::remote::{Connection, Remote, segment};

/// What to do with them.
#[derive(Debug, Args)]
pub struct TasksArgs {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: TasksVerb,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
enum TasksVerb {
    /// Show them, newest first.
    List {
        /// Only in this state: open, claimed or closed.
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one, with its tickets.
    Show {
        /// The task.
        id: String,
    },
    /// Open one by hand.
    Open {
        /// One line.
        title: String,
        /// info, warning or critical.
        #[arg(long, default_value = "warning")]
        severity: String,
        /// What is to be done.
        #[arg(long)]
        text: Option<String>,
        /// When it is due, for example 2026-07-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        due: Option<String>,
    },
    /// Let somebody do it.
    Assign {
        /// The task.
        id: String,
        /// Their name or address.
        assignee: String,
    },
    /// Say that it is done. Only evidence closes the task of a control that fails.
    Claim {
        /// The task.
        id: String,
        /// What was done.
        #[arg(long)]
        note: Option<String>,
    },
    /// Call it off.
    Cancel {
        /// The task.
        id: String,
        /// Why.
        #[arg(long)]
        note: Option<String>,
    },
    /// Accept the risk, perhaps until a time; then the task opens again.
    AcceptRisk {
        /// The task.
        id: String,
        /// Until when, for example 2026-07-01T00:00:00Z; for good without it.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Why.
        #[arg(long)]
        note: Option<String>,
    },
}

/// Does it.
///
/// # Errors
/// What the ledger says.
pub fn run(args: &TasksArgs) -> Result<ExitCode> {
    use TasksVerb as V;
    let remote = Remote::open(&args.connection)?;
    let at = |id: &str, verb: &str| Ok::<_, anyhow::Error>(format!("/tasks/{}{verb}", segment(id)?));
    match &args.verb {
        V::List { state } => {
            let columns = [
                ("TASK", "task"),
                ("STATE", "state"),
                ("SEVERITY", "severity"),
                ("CONTROL", "control"),
                ("DUE (UTC)", "due"),
                ("TITLE", "title"),
            ];
            let only = match state {
                Some(state) => format!("?state={}", segment(state)?),
                None => String::new(),
            };
            remote.list(&format!("/tasks{only}"), &columns, "no task")?;
        }
        V::Show { id } => remote.show("GET", &at(id, "")?, None)?,
        V::Open { title, severity, text, due } => {
            let body = json!({ "title": title, "severity": severity, "text": text, "due": due });
            remote.order("POST", "/tasks", &body, "opened")?;
        }
        V::Assign { id, assignee } => {
            remote.order("POST", &at(id, "/assign")?, &json!({ "assignee": assignee }), "assigned")?;
        }
        V::Claim { id, note } => {
            remote.order("POST", &at(id, "/claim")?, &json!({ "note": note }), "claimed")?;
        }
        V::Cancel { id, note } => {
            let body = json!({ "reason": "cancelled", "note": note });
            remote.order("POST", &at(id, "/close")?, &body, "closed")?;
        }
        V::AcceptRisk { id, until, note } => {
            let body = json!({ "reason": "accepted_risk", "until": until, "note": note });
            remote.order("POST", &at(id, "/close")?, &body, "closed")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
