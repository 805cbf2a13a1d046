//! Runs probes that are written down in files: what to look at, where, how often, and which controls it bears on.
//!
//! A [`ProbeFile`] names a [`Collector`] of the [`Registry`]: a ready-made one, or `command` for any program that
//! prints reports as JSON. [`run_once`] runs files now, [`daemon`] on their schedules, [`dry_run`] shows what would be
//! sent. A collector that fails becomes evidence with the result `error`: silence is for broken probes only.

mod collector;
mod custom;
mod daemon;
mod file;
mod record;
mod run;
mod schedule;

pub use collector::{CollectError, Collector, LinuxHost, Planned, Registry};
pub use custom::{Custom, CustomOptions};
pub use daemon::{Stop, daemon};
pub use file::{FileError, ProbeFile, init, load};
pub use record::{LastRun, StatusReport, status};
pub use run::{Collected, RunEvent, dry_run, run_once};
pub use schedule::{Schedule, ScheduleError};

#[cfg(test)]
mod tests;
