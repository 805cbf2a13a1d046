//! `ledger-replay rebuild`.

use std::path::PathBuf;

use serde_json::json;

use super::bars::Bars;
use super::{FAILS, HOLDS, Outcome};
use crate::rebuild;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The export's directory.
    bundle: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let rebuilt = rebuild(&arguments.bundle, None, &Bars::default())?;
    let digests: Vec<String> = rebuilt.digests.iter().map(ToString::to_string).collect();
    let poisoned = rebuilt.poisoned.iter().map(|p| {
        let (projection, index, stream, held) = (&p.projection, p.index, &p.stream, p.held);
        format!(
            "index {index}, stream {stream}: {projection} cannot fold it ({}); {held} later events held back",
            p.reason
        )
    });
    let poisoned: Vec<String> = poisoned.collect();
    if arguments.json {
        let report = json!({
            "ok": rebuilt.whole(), "tenant": rebuilt.tenant, "size": rebuilt.log.size,
            "as_of": rebuilt.log.as_of, "digests": digests, "quarantine": poisoned,
        });
        println!("{report:#}");
    } else {
        println!("     tenant  {}", rebuilt.tenant);
        println!("     events  {}, the last of {}", rebuilt.log.size, rebuilt.log.as_of);
        println!("\nDigests of the read models, equal to the server's at this size of the log:");
        digests.iter().for_each(|digest| println!("  {digest}"));
        poisoned.iter().for_each(|line| println!("  QUARANTINE {line}"));
        println!(
            "\nThe entries have the root of the checkpoint. Who signed it, and each of them: ledger-replay verify"
        );
    }
    Ok(if rebuilt.whole() { HOLDS } else { FAILS })
}
