//! Credentials: what they may do, and until when. When one was used last is no event and stands elsewhere.

use std::sync::Arc;

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows};
use ledger::time::Timestamp;
use ledger_aggregates::credential::CredentialEvent;
use ledger_aggregates::values::{CredentialId, Environment, ProbeId, PublicKeyText, RevokeReason, Role};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Credentials.
    pub table CREDENTIAL = "credential" (resident);
    /// One credential.
    pub row CredentialRow {
        key {
            /// The public part of the key.
            credential: Text as CredentialId,
        }
        /// `active`, `revoked` or `expired`, as it was recorded. At a given time: [`CredentialRow::is_active_at`].
        state: Symbol as Arc<str>,
        /// What it may do.
        role: Symbol as Role,
        /// What it is for.
        environment: Symbol as Environment,
        /// The only probe that it may speak for.
        probe: Text as Option<ProbeId>,
        /// When it was issued.
        issued_at: Time as Timestamp,
        /// Who issued it.
        issued_by: Text as Arc<str>,
        /// When it ends by itself.
        expires_at: Time as Option<Timestamp>,
        /// The number of its secret, counted from 0.
        generation: Int as u64,
        /// When it was rotated last.
        rotated_at: Time as Option<Timestamp>,
        /// Until when the secret before works.
        overlap_until: Time as Option<Timestamp>,
        /// Verifies its HTTP message signatures.
        request_key: Text as PublicKeyText,
        /// When it was revoked.
        revoked_at: Time as Option<Timestamp>,
        /// Why.
        revoke_reason: Symbol as Option<RevokeReason>,
        /// Log index of the event that discloses its label.
        label_index: Int as u64,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
    index [state];
    index [probe];
    index [expires_at];
}

impl CredentialRow {
    /// What every key of it begins with.
    pub fn prefix(&self) -> String {
        format!("lgr_{}_{}", self.environment.as_str(), self.credential)
    }

    /// Does it work at `at`?
    pub fn is_active_at(&self, at: Timestamp) -> bool {
        &*self.state == "active" && self.expires_at.is_none_or(|end| at < end)
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "credentials", version: 1, tables: &[&CREDENTIAL] };

/// The projection.
#[derive(Debug)]
pub struct Credentials;

impl Projection for Credentials {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.credential()? else { return Ok(()) };
        let credential = aggregate_id(event, CredentialId::from_stream)?;
        if let CredentialEvent::Issued(issued) = fact {
            rows.store(&CredentialRow {
                credential,
                state: "active".into(),
                role: issued.role,
                environment: issued.environment,
                probe: issued.probe.clone(),
                issued_at: event.time,
                issued_by: Arc::clone(&event.actor),
                expires_at: issued.expires_at,
                generation: 0,
                rotated_at: None,
                overlap_until: None,
                request_key: issued.request_key.clone(),
                revoked_at: None,
                revoke_reason: None,
                label_index: event.index,
                changed_index: event.index,
            });
            return Ok(());
        }
        let found = rows.amend(&[credential.to_cell()], |row: &mut CredentialRow| {
            row.changed_index = event.index;
            match fact {
                CredentialEvent::Issued(_) => {}
                CredentialEvent::Rotated(rotated) => {
                    row.generation = rotated.generation.into();
                    row.rotated_at = Some(event.time);
                    row.overlap_until = Some(rotated.overlap_until);
                    row.expires_at = rotated.expires_at;
                    row.request_key = rotated.request_key.clone();
                }
                CredentialEvent::Revoked(revoked) => {
                    row.state = "revoked".into();
                    row.revoked_at = Some(event.time);
                    row.revoke_reason = Some(revoked.reason);
                }
                CredentialEvent::Expired(_) => row.state = "expired".into(),
            }
        })?;
        if found {
            Ok(())
        } else {
            Err(FoldError::poison(format!("credential {credential} was never issued")))
        }
    }
}
