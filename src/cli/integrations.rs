//! `ledger integrations`: what the ledger is connected with, how it stands, and what it would send.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::remote::{Connection, Remote, document, read, segment};

/// Built-in adapters have the version of the ledger.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What to do with them.
#[derive(Debug, Args)]
pub struct IntegrationsArgs {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: IntegrationsVerb,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
enum IntegrationsVerb {
    /// Show the registry.
    List,
    /// Show one, with how it stands.
    Show {
        /// The integration.
        id: String,
    },
    /// Make one known.
    Register {
        /// The integration: a name of your own.
        id: String,
        /// Which adapter it uses: jira, servicenow, or an installed one (`ledger adapters list`).
        #[arg(long)]
        kind: String,
        /// The adapter's version.
        #[arg(long, value_name = "VERSION", default_value = OWN_VERSION)]
        adapter_version: String,
        /// What people call it.
        #[arg(long)]
        name: Option<String>,
    },
    /// Check a configuration without putting it in force. Nothing is sent.
    Validate {
        /// The integration.
        id: String,
        /// The configuration: a JSON file, or - for standard input.
        file: PathBuf,
    },
    /// Put a configuration in force. Earlier ones are kept.
    Configure {
        /// The integration.
        id: String,
        /// The configuration: a JSON file, or - for standard input.
        file: PathBuf,
    },
    /// Show the configurations that it has had, or what one changed.
    Versions {
        /// The integration.
        id: String,
        /// Show this one, and what it changed.
        #[arg(long, value_name = "VERSION")]
        show: Option<u32>,
        /// Compare it with this one instead of the one before.
        #[arg(long, value_name = "VERSION", requires = "show")]
        against: Option<u32>,
    },
    /// Give it an earlier configuration again.
    Restore {
        /// The integration.
        id: String,
        /// The configuration's number.
        version: u32,
    },
    /// Let it work.
    Enable {
        /// The integration.
        id: String,
    },
    /// Let it stand still. Its work waits.
    Pause {
        /// The integration.
        id: String,
    },
    /// Let it work again.
    Resume {
        /// The integration.
        id: String,
    },
    /// Let it be over.
    Retire {
        /// The integration.
        id: String,
    },
    /// Bring the code of an authorisation at the other side; the first tokens are kept, sealed.
    Authorise {
        /// The integration.
        id: String,
        /// The code: a file, or - for standard input, so that it stands in no list of processes.
        code: PathBuf,
        /// The redirect URI that the code was asked for with.
        #[arg(long, value_name = "URI")]
        redirect_uri: String,
        /// A file with the verifier of PKCE, where the code was asked for with one.
        #[arg(long, value_name = "FILE")]
        verifier: Option<PathBuf>,
    },
    /// Read now what has changed, or look whether the connection works. Exit code 1: it was not done wholly.
    Run {
        /// The integration.
        id: String,
        /// What to do.
        #[arg(value_enum, default_value = "poll")]
        what: What,
    },
    /// Show the exact request that would open a ticket, without sending it. What it needs to know is read there.
    DryRun {
        /// The integration.
        id: String,
        /// The ticket's title.
        #[arg(long)]
        title: Option<String>,
    },
    /// Show its runs, newest first.
    Runs {
        /// The integration.
        id: String,
    },
    /// Show its requests and their answers, newest first.
    Exchanges {
        /// The integration.
        id: String,
    },
}

/// What a run does.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Poll,
    Health,
    Reconcile,
    /// See that the other side sends its messages here.
    Subscribe,
}

/// Does it.
///
/// # Errors
/// What the ledger says.
pub fn run(args: &IntegrationsArgs) -> Result<ExitCode> {
    use IntegrationsVerb as V;
    let remote = Remote::open(&args.connection)?;
    let at = |id: &str, rest: &str| Ok::<_, anyhow::Error>(format!("/integrations/{}{rest}", segment(id)?));
    match &args.verb {
        V::List => {
            let columns = [
                ("INTEGRATION", "integration"),
                ("NAME", "name"),
                ("KIND", "kind"),
                ("STATE", "state"),
                ("DEGRADED", "degraded"),
                ("CONFIGURATION", "config_version"),
            ];
            remote.list(
                "/integrations?limit=1000",
                &columns,
                "no integration yet: ledger integrations register",
            )?;
        }
        V::Show { id } => {
            let mut shown = remote.call("GET", &at(id, "")?, None)?;
            shown["health"] = remote.call("GET", &at(id, "/health")?, None)?;
            remote.print(&shown);
        }
        V::Register { id, kind, adapter_version, name } => {
            let body =
                json!({ "id": segment(id)?, "kind": kind, "adapter_version": adapter_version, "name": name });
            remote.order("POST", "/integrations", &body, "registered")?;
        }
        V::Validate { id, file } => {
            let body = json!({ "config": document(file)? });
            remote.call("POST", &at(id, "/configuration/validate")?, Some(&body))?;
            println!("{}", if remote.json() { r#"{"fits":true}"# } else { "it fits; nothing was changed" });
        }
        V::Configure { id, file } => {
            let body = json!({ "config": document(file)? });
            remote.order("PUT", &at(id, "/configuration")?, &body, "configured")?;
        }
        V::Versions { id, show: None, .. } => {
            let columns =
                [("VERSION", "version"), ("SET (UTC)", "set_at"), ("BY", "set_by"), ("RESTORES", "restores")];
            remote.list(&at(id, "/configurations?limit=1000")?, &columns, "no configuration yet")?;
        }
        V::Versions { id, show: Some(version), against } => {
            let against = against.map_or_else(String::new, |other| format!("?against={other}"));
            remote.show("GET", &at(id, &format!("/configurations/{version}{against}"))?, None)?;
        }
        V::Restore { id, version } => {
            remote.order(
                "POST",
                &at(id, &format!("/configurations/{version}/restore"))?,
                &json!({}),
                "restored",
            )?;
        }
        V::Enable { id } => remote.order("POST", &at(id, "/enable")?, &json!({}), "enabled")?,
        V::Pause { id } => remote.order("POST", &at(id, "/pause")?, &json!({}), "paused")?,
        V::Resume { id } => remote.order("POST", &at(id, "/resume")?, &json!({}), "resumed")?,
        V::Retire { id } => remote.order("POST", &at(id, "/retire")?, &json!({}), "retired")?,
        V::Authorise { id, code, redirect_uri, verifier } => {
            let word = |file: &PathBuf| Ok::<_, anyhow::Error>(read(file)?.trim().to_owned());
            let verifier = verifier.as_ref().map(word).transpose()?;
            let body =
                json!({ "code": word(code)?, "redirect_uri": redirect_uri, "code_verifier": verifier });
            remote.show("POST", &at(id, "/authorise")?, Some(&body))?;
        }
        V::Run { id, what } => return made(&remote, &at(id, "/runs/now")?, *what),
        V::DryRun { id, title } => dry_run(&remote, &at(id, "/dry-run")?, title.as_deref())?,
        V::Runs { id } => {
            let columns = [
                ("BEGAN (UTC)", "started_at"),
                ("WHAT", "what"),
                ("BY", "trigger"),
                ("STATE", "state"),
                ("FACTS", "facts"),
                ("FAILURE", "failure"),
                ("DETAIL", "detail"),
            ];
            remote.list(&at(id, "/runs")?, &columns, "no run yet")?;
        }
        V::Exchanges { id } => {
            let columns = [
                ("BEGAN (UTC)", "started_at"),
                ("METHOD", "method"),
                ("STATUS", "status"),
                ("MS", "duration_ms"),
                ("URL", "url"),
            ];
            remote.list(&format!("/exchanges?integration={}", segment(id)?), &columns, "no exchange yet")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn made(remote: &Remote, path: &str, what: What) -> Result<ExitCode> {
    let what = match what {
        What::Poll => "poll",
        What::Health => "health",
        What::Reconcile => "reconcile",
        What::Subscribe => "subscribe",
    };
    let ran = remote.call("POST", path, Some(&json!({ "what": what })))?;
    let whole = ran["whole"] == Value::Bool(true);
    if remote.json() {
        println!("{ran}");
    } else if whole {
        println!("{what}: done, {} facts", ran["facts"]);
    }
    if !whole {
        eprintln!("ledger: {what}: {}", ran["problem"].as_str().unwrap_or("it was not done wholly"));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn dry_run(remote: &Remote, path: &str, title: Option<&str>) -> Result<()> {
    let shown = remote.call("POST", path, Some(&json!({ "title": title })))?;
    if remote.json() {
        println!("{shown}");
        return Ok(());
    }
    let word = |name: &str| shown[name].as_str().unwrap_or_default();
    println!("{} {}", word("method"), word("url"));
    for (name, value) in shown["headers"].as_object().into_iter().flatten() {
        println!("{name}: {}", value.as_str().unwrap_or_default());
    }
    println!("\n{}", word("body"));
    Ok(())
}
