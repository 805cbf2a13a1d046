//! `ledger-replay verify`.

use std::path::PathBuf;

use super::bars::Bars;
use super::{FAILS, HOLDS, Outcome};
use crate::{Options, verify};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The export's directory.
    bundle: PathBuf,
    /// Your trust file, received out of band; without it the export's own is taken and nothing is pinned.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// An older signed checkpoint that you hold: shows truncation, rewriting and forks.
    #[arg(long, value_name = "CHECKPOINT")]
    since: Option<PathBuf>,
    /// Verify every signature by itself and without the cofactor (slower).
    #[arg(long)]
    strict: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
    /// Threads; as many as there are processors if not given.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let options = Options {
        bundle: arguments.bundle.clone(),
        policy: arguments.policy.clone(),
        since: arguments.since.clone(),
        strict: arguments.strict,
        threads: arguments.threads,
    };
    let report = verify(&options, &Bars::default())?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?);
    } else {
        print!("{report}");
    }
    Ok(if report.ok { HOLDS } else { FAILS })
}
