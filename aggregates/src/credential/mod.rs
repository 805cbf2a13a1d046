//! API keys.
//!
//! A credential ends by revocation or by its expiry, and never comes back. Its secret is nowhere in its events.

mod command;
mod decide;
mod event;
mod state;
#[cfg(test)]
mod tests;

pub use command::{CredentialCommand, IssueCredential, OVERLAP_MAX};
pub use decide::{Credential, CredentialRefusal};
pub use event::*;
pub use state::{ActiveCredential, CredentialState};
