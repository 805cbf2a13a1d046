//! The auditor's offline tool: verify, rebuild, as-of, diff.
//!
//! It reads an export (`ledger::bundle`), believes nothing in it that the auditor's trust file does not vouch for, and
//! names every fault that it finds. It links no network code, no database and no async runtime.
//!
//! The server calls the same functions for `ledger verify`, `ledger demo` and its benchmarks.

mod asof;
pub mod cli;
mod diff;
mod directory;
mod entries;
mod progress;
mod rebuild;
mod report;
mod report_text;
mod verify;

pub use asof::{AsOf, ControlAsOf, EvidenceAsOf, as_of};
pub use diff::{Diff, LogDiff, ProjectionDiff, RowDiff, TableDiff, diff};
pub use directory::{DirectoryError, DirectorySink};
pub use entries::{Export, ReplayError};
pub use progress::{NoProgress, Progress};
pub use rebuild::{Rebuilt, rebuild, rebuild_export};
pub use report::{Counts, Erasure, Failure, Report, Since, Trust};
pub use verify::{Options, UsageError, verify};
