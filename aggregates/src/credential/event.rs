//! What happens to an API key. Its secret never stands in an event.

use ledger::time::Timestamp;

use crate::events;
use crate::schema::Confidential;
use crate::values::{Environment, ProbeId, PublicKeyText, RevokeReason, Role};

events! {
    /// What happened to a credential.
    "credential" CredentialEvent {
        /// A credential may be used.
        Issued(CredentialIssued) = "ledger.credential.issued.v1" {
            /// What it may do.
            role: Role,
            /// What it is for.
            environment: Environment,
            /// When it ends by itself.
            expires_at: Option<Timestamp>,
            /// The only probe that it may speak for.
            probe: Option<ProbeId>,
            /// The public key that verifies its HTTP message signatures.
            request_key: PublicKeyText,
            /// What people call it.
            label: Confidential<String>,
        }
        /// The credential has a new secret; the one before works until the overlap ends.
        Rotated(CredentialRotated) = "ledger.credential.rotated.v1" {
            /// The number of this secret, counted from 0.
            generation: u32,
            /// Until when the secret before still works.
            overlap_until: Timestamp,
            /// When the credential ends by itself.
            expires_at: Option<Timestamp>,
            /// The public key that verifies HTTP message signatures made with the new secret.
            request_key: PublicKeyText,
        }
        /// The credential no longer works.
        Revoked(CredentialRevoked) = "ledger.credential.revoked.v1" {
            /// Why.
            reason: RevokeReason,
        }
        /// The credential has ended by itself.
        Expired(CredentialExpired) = "ledger.credential.expired.v1" {
            /// When it ended.
            expired_at: Timestamp,
        }
    }
}
