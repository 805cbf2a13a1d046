//! Integrations at work: from an intent in the log to a request at the other system, and from what happens there back
//! into the log.
//!
//! The pure half lies in `aggregates` and `projections` (what may happen, what follows from what), the vendor's half in
//! the adapters' processes; this is the host between them. It decides nothing that is not derived from the log, so that
//! any of its state can be lost: queue, leases, live processes and schedules are made again from the read models.

pub mod adapters;
mod attempt;
mod build;
pub mod config;
pub mod dispatch;
mod health;
pub mod inbound;
mod journal;
pub mod live;
pub mod marks;
pub mod models;
mod observe;
pub mod offer;
pub mod operate;
mod people;
mod queue;
mod record;
pub mod rehearse;
mod restore;
pub mod runs;
pub mod schedule;
mod schedule_spec;
mod signed;
mod stream;
mod tokens;
pub mod upgrade;
pub mod validate;
mod vault;
mod warnings;
pub mod webhooks;

use ledger::ids::CommandId;
use sha2::{Digest, Sha256};

/// The id of a command that follows from what causes it, so that it is carried out once.
fn command_id(what: &str, parts: &[&str]) -> CommandId {
    let digest = Sha256::digest(parts.join("\n"));
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    CommandId::new(format!("{what}-{hex}")).expect("a word and hex digits are visible ASCII")
}
