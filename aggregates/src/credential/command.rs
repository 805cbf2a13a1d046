//! What may be asked of a credential.

use std::time::Duration;

use ledger::time::Timestamp;

use crate::values::{Environment, ProbeId, PublicKeyText, RevokeReason, Role};

/// An old secret works at most this long beside the new one: long enough for a monthly roll-out.
pub const OVERLAP_MAX: Duration = Duration::from_secs(31 * 86_400);

/// What may be asked of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialCommand {
    /// Let it be used.
    Issue(IssueCredential),
    /// Give it a new secret.
    Rotate {
        /// The public key that verifies HTTP message signatures made with the new secret.
        request_key: PublicKeyText,
        /// How long the secret before still works.
        overlap: Duration,
        /// When the credential ends by itself.
        expires_at: Option<Timestamp>,
    },
    /// Let it no longer work.
    Revoke {
        /// Why.
        reason: RevokeReason,
    },
    /// Look at the clock. A credential that has not reached its end does not change.
    Expire,
}

/// A credential to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueCredential {
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub environment: Environment,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The only probe that it may speak for.
    pub probe: Option<ProbeId>,
    /// The public key that verifies its HTTP message signatures.
    pub request_key: PublicKeyText,
    /// What people call it.
    pub label: Option<String>,
}
