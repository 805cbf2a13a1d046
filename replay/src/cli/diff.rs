//! `ledger-replay diff`.

use std::path::PathBuf;

use super::bars::Bars;
use super::{FAILS, HOLDS, Outcome};
use crate::diff::{Diff, LogDiff, TableDiff, diff};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One export's directory.
    a: PathBuf,
    /// The other's.
    b: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let found = diff(&arguments.a, &arguments.b, &Bars::default())?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&found).map_err(anyhow::Error::from)?);
    } else {
        print(&found);
    }
    Ok(if found.same { HOLDS } else { FAILS })
}

fn print(found: &Diff) {
    match &found.log {
        LogDiff::Same { entries } => println!("log: the same {entries} entries"),
        LogDiff::Extended { common, only_a, only_b } => {
            println!("log: {common} entries in common, {only_a} more in A, {only_b} more in B");
        }
        LogDiff::Forked { at } => println!("log: FORKED, entry {at} is another in A than in B"),
    }
    for projection in &found.projections {
        println!("digest: {}\n        {}", projection.a, projection.b);
    }
    found.tables.iter().for_each(print_table);
    println!("{}", if found.same { "no difference" } else { "the exports differ" });
}

fn print_table(table: &TableDiff) {
    println!(
        "{}: {} rows only in A, {} only in B, {} changed",
        table.table, table.only_a, table.only_b, table.changed
    );
    for row in &table.rows {
        let sign = match row.side {
            "a" => '-',
            "b" => '+',
            _ => '~',
        };
        println!("  {sign} {}", row.key);
        row.columns.iter().for_each(|column| println!("      {column}"));
    }
}
