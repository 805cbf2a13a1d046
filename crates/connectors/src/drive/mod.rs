//! Carries one task out: asks the adapter, sends what it plans, and knows what a lost answer means.
//!
//! ```text
//!            ┌─────────── plan ───────────┐
//!  adapter ──┤                            ▼
//!     ▲      └─ outcome ──▶ end     journal.sending   durable, before a byte leaves
//!     │                                   ▼
//!     └───────── answer ◀────────── connection.send ──▶ exchange recorded
//! ```
//!
//! What happens when the machine stops at any point follows from the last plan in the journal:
//!
//! | last plan | when it is taken up again |
//! | --- | --- |
//! | none | the task starts |
//! | `safe` or `same`, or known to be unsent | it is sent again, and the task goes on from there |
//! | `once` | the outcome is **uncertain**: a lookup must find it, nothing is sent again |
//!
//! This module decides nothing about time: whoever calls it holds the lease, waits, and calls again.

mod journal;
mod run;

pub use journal::{Journal, JournalError, Sending};
pub use run::{Ask, End, Later, drive};
