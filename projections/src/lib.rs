//! Pure folds from events to read models, and reactors from events to commands.
//!
//! Each projection is one file: its tables, its fold, its tests. [`registry`] lists them; adding one is a file and a line
//! (`docs/how-to/add-a-projection.md`).
//!
//! Invariants:
//! - A fold reads the event and its own tables, nothing else: no clock, no other projection's rows, no randomness.
//! - Rows hold public values alone. What is confidential or personal is named by the log index of the event that
//!   discloses it (columns that end in `_index`) and joined at read.
//! - The same events in the order of their log give the same rows, in one fold or in batches, here or in the replay.

pub mod alerts;
pub mod audit;
pub mod configurations;
pub mod controls;
pub mod credentials;
pub mod deadlines;
mod event;
pub mod evidence;
pub mod exchanges;
pub mod exports;
mod fast;
pub mod frameworks;
pub mod integrations;
pub mod intents;
pub mod keys;
pub mod probes;
pub mod reactors;
mod registry;
pub mod routes;
pub mod runs;
pub mod scorecards;
pub mod secrets;
pub mod subjects;
pub mod tasks;
pub mod tenants;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tickets;

pub use event::{Fact, LogEvent, Malformed};
pub use registry::{LedgerModels, PROJECTIONS, Projection};
