//! `ledger-replay as-of`.

use std::path::PathBuf;

use ledger::time::Timestamp;

use super::bars::Bars;
use super::{HOLDS, Outcome};
use crate::asof::{AsOf, ControlAsOf, as_of};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The export's directory.
    bundle: PathBuf,
    /// The point in time: 2026-03-01, or 2026-03-01T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    time: Timestamp,
    /// Only this control: AU-2, or nist-800-53.au-2.
    #[arg(long, value_name = "CONTROL")]
    control: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let found = as_of(&arguments.bundle, arguments.time, arguments.control.as_deref(), &Bars::default())?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&found).map_err(anyhow::Error::from)?);
    } else {
        print(&found);
    }
    Ok(HOLDS)
}

fn print(found: &AsOf) {
    println!("As of {}, on the first {} of {} entries:", found.time, found.entries, found.size);
    for control in &found.controls {
        print_control(control);
    }
    println!("\nReplayed from the export. Who signed it, and each entry: ledger-replay verify");
}

fn print_control(control: &ControlAsOf) {
    let title = control.title.as_deref().unwrap_or("");
    println!("\n{}.{}  {}  {title}", control.framework, control.control, control.status.to_uppercase());
    if let Some(since) = &control.since {
        println!("  recorded since {since}");
    }
    if let Some(stale_after) = &control.stale_after {
        println!("  fresh until {stale_after}");
    }
    for evidence in &control.evidence {
        let place = evidence.index.map_or_else(|| "?".to_owned(), |index| index.to_string());
        let stale = if evidence.stale { ", STALE" } else { "" };
        println!("  {}{stale}  {} on {}", evidence.result, evidence.check, evidence.target_ref);
        println!("    evidence {} at index {place}, from {}", evidence.evidence, evidence.source);
        println!("    observed until {}", evidence.observed_to);
        if let Some(title) = &evidence.title {
            println!("    {title:?}");
        }
    }
    if control.evidence.is_empty() {
        println!("  no evidence");
    }
}
