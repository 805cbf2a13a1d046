//! `ledger bench`: each figure beside its reference, taken in the same run on the same machine.
//!
//! Absolute figures drift between machines and hours; the ratio is what a change is judged by.

mod append;
mod appended;
mod dispatch;
mod ground;
mod http;
mod latency;
mod load;
mod place;
mod process;
mod read;
mod rebuild;
mod reference;
mod same_rows;
mod second;
mod verify;
mod workload;

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::cli::bench::{BenchArgs, BenchKind};
use crate::config::Config;

/// One figure with its reference.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// What it is held against.
    pub reference: String,
    /// The reference's figure, in the same unit.
    pub reference_value: f64,
    /// `value / reference_value`.
    pub ratio: f64,
    /// Further figures of the same run: latencies, sizes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// A further figure of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    /// What it is.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
}

impl Figure {
    fn new(
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        reference: impl Into<String>,
        reference_value: f64,
    ) -> Self {
        let ratio = if reference_value > 0.0 { value / reference_value } else { 0.0 };
        Self {
            name: name.into(),
            value,
            unit,
            reference: reference.into(),
            reference_value,
            ratio,
            details: Vec::new(),
        }
    }

    fn detail(mut self, name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        self.details.push(Detail { name: name.into(), value, unit });
        self
    }

    fn print(&self) {
        println!("{:<44} {:>14} {}", self.name, number(self.value), self.unit);
        println!("  {:<42} {:>14} {}", self.reference, number(self.reference_value), self.unit);
        println!("  {:<42} {:>14.3}", "ratio", self.ratio);
        for detail in &self.details {
            println!("  {:<42} {:>14} {}", detail.name, number(detail.value), detail.unit);
        }
    }
}

/// Whole numbers with thousands apart, small ones with three digits.
fn number(value: f64) -> String {
    if value < 1000.0 {
        return format!("{value:.3}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn rate(events: u64, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure to read, not to count with")]
    let events = events as f64;
    events / took.as_secs_f64().max(1e-9)
}

/// The time below which `share` of all sorted times lie, in milliseconds.
fn percentile_ms(sorted: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index within the slice"
    )]
    let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// CPU time an event: what a busy machine does not change as much as the rate.
fn micros_each(cpu: Duration, events: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure to read, not to count with")]
    let events = events.max(1) as f64;
    cpu.as_secs_f64() * 1e6 / events
}

/// Runs one benchmark and prints its figures.
///
/// # Errors
/// The benchmark could not run.
pub fn run(config: &Config, args: &BenchArgs) -> Result<()> {
    if let Some(first) = &args.beside {
        return second::run(config, args, first);
    }
    let figures = match args.kind {
        BenchKind::Append => append::run(config, args)?,
        BenchKind::Dispatch => dispatch::run(config, args)?,
        BenchKind::Http => http::run(config, args)?,
        BenchKind::Latency => latency::run(config, args)?,
        BenchKind::Read => read::run(config, args)?,
        BenchKind::Verify => verify::run(config, args)?,
        BenchKind::Rebuild => rebuild::run(config, args)?,
    };
    for figure in &figures {
        if args.json {
            println!("{}", serde_json::to_string(figure)?);
        } else {
            figure.print();
        }
    }
    Ok(())
}
