//! `ledger routes`: which events become tasks, and which tasks become tickets where.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::remote::{Connection, Remote, segment};

/// What to do with them.
#[derive(Debug, Args)]
pub struct RoutesArgs {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: RoutesVerb,
}

/// One thing to do.
#[derive(Debug, Subcommand)]
enum RoutesVerb {
    /// Show the routes that act.
    List,
    /// Let a route say this from here on.
    Set(SetArgs),
    /// Let a route act no more. What it has brought about stays.
    Remove {
        /// The route.
        id: String,
    },
    /// Tell which routes match an event, and why the others do not.
    Explain {
        /// The event's number in the log (`GET /v1/events`, or the audit explorer).
        event: u64,
    },
}

/// What a route says.
#[derive(Debug, Args)]
struct SetArgs {
    /// The route: a name of your own.
    id: String,
    /// What makes it act: control_failed or task_opened_by_hand.
    #[arg(long, value_name = "EVENT", default_value = "control_failed")]
    on: String,
    /// Only what concerns this framework.
    #[arg(long, value_name = "ID")]
    framework: Option<String>,
    /// Only what concerns this control.
    #[arg(long, value_name = "ID")]
    control: Option<String>,
    /// Only what is at least this severe: info, warning or critical.
    #[arg(long, value_name = "SEVERITY")]
    severity_min: Option<String>,
    /// Where tickets go; without it, only tasks are opened.
    #[arg(long, value_name = "ID")]
    integration: Option<String>,
    /// What happens to a field that both sides changed: ours, theirs or hold.
    #[arg(long, value_name = "POLICY", default_value = "hold")]
    conflict: String,
    /// How severe its tasks are.
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// When its tasks are due, in seconds after they are opened.
    #[arg(long, value_name = "SECONDS")]
    due_seconds: Option<u32>,
}

impl SetArgs {
    fn body(&self) -> Value {
        let action = if self.integration.is_some() { "open_ticket" } else { "open_task" };
        let mut body = json!({ "on": self.on, "action": action, "conflict": self.conflict });
        let given = [
            ("framework", &self.framework),
            ("control", &self.control),
            ("severity_min", &self.severity_min),
            ("integration", &self.integration),
            ("severity", &self.severity),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?.into())));
        let given: Map<String, Value> =
            given.map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect();
        if let Some(body) = body.as_object_mut() {
            body.extend(given);
            body.extend(self.due_seconds.map(|seconds| ("due_seconds".to_owned(), seconds.into())));
        }
        body
    }
}

/// Does it.
///
/// # Errors
/// What the ledger says.
pub fn run(args: &RoutesArgs) -> Result<ExitCode> {
    let remote = Remote::open(&args.connection)?;
    match &args.verb {
        RoutesVerb::List => {
            let columns = [
                ("ROUTE", "route"),
                ("ON", "on"),
                ("FRAMEWORK", "framework"),
                ("CONTROL", "control"),
                ("SEVERITY FROM", "severity_min"),
                ("ACTION", "action"),
                ("INTEGRATION", "integration"),
                ("CONFLICT", "conflict"),
            ];
            remote.list(
                "/routes?limit=1000",
                &columns,
                "no route yet: without one nothing leaves the ledger",
            )?;
        }
        RoutesVerb::Set(set) => {
            remote.order("PUT", &format!("/routes/{}", segment(&set.id)?), &set.body(), "set")?;
        }
        RoutesVerb::Remove { id } => {
            remote.order("DELETE", &format!("/routes/{}", segment(id)?), &json!({}), "removed")?;
        }
        RoutesVerb::Explain { event } => explain(&remote, *event)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn explain(remote: &Remote, event: u64) -> Result<()> {
    let told = remote.call("GET", &format!("/routes/explain/{event}"), None)?;
    if remote.json() {
        println!("{told}");
        return Ok(());
    }
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let Some(on) = told["on"].as_str() else {
        println!("event {event} is {}: no route acts on events of this type", word(&told["type"]));
        return Ok(());
    };
    let control = told["control"].as_str().map_or_else(String::new, |control| format!(" of {control}"));
    println!("event {event}: {on}{control}, {}", word(&told["severity"]));
    let routes = told["routes"].as_array().map_or(&[][..], Vec::as_slice);
    for route in routes {
        let verdict = match route["why_not"].as_str() {
            Some(why) => format!("no   {why}"),
            None => {
                let to = route["integration"].as_str().map_or_else(String::new, |id| format!(" in {id}"));
                format!("yes  {}{to}", word(&route["action"]).replace('_', " "))
            }
        };
        println!("  {:<24} {verdict}", word(&route["route"]));
    }
    if routes.is_empty() {
        println!("  no route is set");
    }
    Ok(())
}
