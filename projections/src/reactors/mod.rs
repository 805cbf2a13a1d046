//! Reactors: pure policies from events to commands.
//!
//! A reactor writes nothing and looks nothing up but what it is given. The driver runs the commands in order and
//! remembers how far it has come; after a crash it may give the same events again, alone or in other batches.
//! That is harmless: ids are derived (UUIDv5) and the aggregates pass over what they know.

mod alerts;
mod around;
mod deadlines;
mod evidence;
mod intent;
mod notes;
mod payload;
pub mod person;
mod tasks;
#[cfg(test)]
mod tests;
mod tickets;
#[cfg(test)]
mod work_tests;

pub use alerts::{ALERT_TYPES, alerts};
pub use around::Around;
pub use deadlines::{
    CREDENTIAL_WARNING, ControlDeadline, CredentialDeadline, ProbeDeadline, RiskDeadline, ended_risks,
    overdue_controls, overdue_credentials, overdue_probes,
};
pub use evidence::{EVIDENCE_TYPES, evidence_to_controls};
pub use intent::{Intent, IntentCommand, SeenEvent};
pub use notes::asked;
pub use tasks::{FAILURE, TASK_TYPES, tasks};
pub use tickets::{OPENED_TYPES, TICKET_TYPES, VALUES_TYPES, tickets};
