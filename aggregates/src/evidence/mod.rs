//! Evidence: the results of checks.
//!
//! Invariants: nothing checked is inconclusive, whatever was reported; an observation ends after it begins and not in the future;
//! the three times (observed, sent, received) stay apart.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{EvidenceCommand, SubmitEvidence, limits};
pub use decide::{Evidence, EvidenceRefusal};
pub use event::*;
pub use state::{EvidenceState, Submission};
