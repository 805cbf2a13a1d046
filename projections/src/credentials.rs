//! Credentials: what they may do, and until when. When one was used last is no event and stands elsewhere.

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows, Text};
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
        state: Symbol as Text,
        /// What it may do.
        role: Symbol as Role,
        /// What it is for.
        environment: Symbol as Environment,
        /// The only probe that it may speak for.
        probe: Text as Option<ProbeId>,
        /// When it was issued.
        issued_at: Time as Timestamp,
        /// Who issued it.
        issued_by: Text as Text,
        /// When it ends by itself.
        expires_at: Time as Option<Timestamp>,
        /// When it is to be marked expired; absent if it is over, or if it never ends.
        due: Time as Option<Timestamp>,
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
    sparse index [due];
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
                issued_by: event.actor.clone(),
                expires_at: issued.expires_at,
                due: issued.expires_at,
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
                    row.due = rotated.expires_at;
                    row.request_key = rotated.request_key.clone();
                }
                CredentialEvent::Revoked(revoked) => {
                    row.state = "revoked".into();
                    row.due = None;
                    row.revoked_at = Some(event.time);
                    row.revoke_reason = Some(revoked.reason);
                }
                CredentialEvent::Expired(_) => {
                    row.state = "expired".into();
                    row.due = None;
                }
            }
        })?;
        if found {
            Ok(())
        } else {
            Err(FoldError::poison(format!("credential {credential} was never issued")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{at, given, minute, tenant};

    const CREDENTIAL_1: &str = "credential-0123456789abcdef";

    fn issued() -> (&'static str, &'static str, Value) {
        let data = json!({ "role": "probe", "environment": "live", "expires_at": "2026-06-01T00:00:00.000000Z",
            "probe": "probe-1", "request_key": "A".repeat(43) + "=" });
        (CREDENTIAL_1, "credential.issued", data)
    }

    #[test]
    fn a_credential_works_until_it_ends() {
        let row = given(&[issued()]).only::<CredentialRow>(&tenant("t"));
        assert_eq!(row.prefix(), "lgr_live_0123456789abcdef");
        assert_eq!(
            (row.role, row.generation, row.issued_at, row.label_index),
            (Role::Probe, 0, minute(0), 0)
        );
        assert!(row.is_active_at(at("2026-05-31T23:59:59Z")) && !row.is_active_at(at("2026-06-01")));
        assert_eq!(row.due, Some(at("2026-06-01")));
    }

    #[test]
    fn rotation_revocation_and_expiry_are_told() {
        let rotated = json!({ "generation": 1, "overlap_until": "2026-03-02T00:00:00.000000Z",
            "request_key": "B".repeat(43) + "=" });
        let mut events = vec![issued(), (CREDENTIAL_1, "credential.rotated", rotated)];
        let row = given(&events).only::<CredentialRow>(&tenant("t"));
        assert_eq!((row.generation, row.rotated_at, row.expires_at), (1, Some(minute(1)), None));
        assert_eq!(row.overlap_until, Some(at("2026-03-02")));
        assert!(row.request_key.as_str().starts_with('B'));
        events.push((CREDENTIAL_1, "credential.revoked", json!({ "reason": "compromised" })));
        let row = given(&events).only::<CredentialRow>(&tenant("t"));
        assert_eq!((&*row.state, row.revoked_at), ("revoked", Some(minute(2))));
        assert_eq!((row.revoke_reason, row.due), (Some(RevokeReason::Compromised), None));
        assert!(!row.is_active_at(minute(2)));
        let expired = json!({ "expired_at": "2026-06-01T00:00:00.000000Z" });
        let row = given(&[issued(), (CREDENTIAL_1, "credential.expired", expired)])
            .only::<CredentialRow>(&tenant("t"));
        assert_eq!((&*row.state, row.due), ("expired", None));
    }
}
