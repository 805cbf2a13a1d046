//! The auditor's offline tool: verify, rebuild, as-of, diff.
//!
//! It reads an export (`ledger::bundle`), believes nothing in it that the auditor's trust file does not vouch for, and
//! names every fault that it finds. It links no network code, no database and no async runtime.
//!
//! The server calls the same functions for `ledger verify`, `ledger demo` and its benchmarks.

pub mod cli;
mod directory;
mod progress;
mod report;
mod report_text;
mod verify;

pub use directory::{DirectoryError, DirectorySink};
pub use progress::{NoProgress, Progress};
pub use report::{Counts, Erasure, Failure, Report, Since, Trust};
pub use verify::{Options, UsageError, verify};
