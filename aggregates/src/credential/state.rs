//! What is known about a credential.

use ledger::time::Timestamp;

use super::CredentialEvent;
use crate::values::{Environment, ProbeId, PublicKeyText, RevokeReason, Role};

/// What is known about a credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CredentialState {
    /// It was not issued.
    #[default]
    Absent,
    /// It works until its expiry.
    Active(ActiveCredential),
    /// It was revoked.
    Revoked {
        /// Why.
        reason: RevokeReason,
    },
    /// It has ended by itself.
    Expired {
        /// When.
        expired_at: Timestamp,
    },
}

/// A credential that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveCredential {
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub environment: Environment,
    /// The only probe that it may speak for.
    pub probe: Option<ProbeId>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The number of its secret, counted from 0.
    pub generation: u32,
    /// The public key that verifies its HTTP message signatures.
    pub request_key: PublicKeyText,
    /// The key before, and until when it still works.
    pub previous: Option<(PublicKeyText, Timestamp)>,
}

impl CredentialState {
    pub(super) fn after(self, event: &CredentialEvent) -> Self {
        match (self, event) {
            (_, CredentialEvent::Issued(e)) => Self::Active(ActiveCredential {
                role: e.role,
                environment: e.environment,
                probe: e.probe.clone(),
                expires_at: e.expires_at,
                generation: 0,
                request_key: e.request_key.clone(),
                previous: None,
            }),
            (Self::Active(active), CredentialEvent::Rotated(e)) => Self::Active(ActiveCredential {
                generation: e.generation,
                expires_at: e.expires_at,
                request_key: e.request_key.clone(),
                previous: Some((active.request_key, e.overlap_until)),
                ..active
            }),
            (_, CredentialEvent::Revoked(e)) => Self::Revoked { reason: e.reason },
            (_, CredentialEvent::Expired(e)) => Self::Expired { expired_at: e.expired_at },
            (state, CredentialEvent::Rotated(_)) => state,
        }
    }
}
