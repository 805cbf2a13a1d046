//! The event-signing keys of a log, and which entries each of them signed.

use std::sync::Arc;

use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows};
use ledger::time::Timestamp;
use ledger_aggregates::key::KeyEvent;
use ledger_aggregates::values::{DisputeReason, KeyIdText, OriginName, PublicKeyText, RevokedKeyReason};

use crate::event::LogEvent;
use crate::registry::Projection;

read_model! {
    /// Signing keys.
    pub table SIGNING_KEY = "signing_key" (resident);
    /// One signing key.
    pub row SigningKeyRow {
        key {
            /// Its id.
            kid: Text as KeyIdText,
        }
        /// `active`, `rotated` or `revoked`.
        state: Symbol as Arc<str>,
        /// The key.
        public_key: Text as PublicKeyText,
        /// The origin of the log, for the first key.
        origin: Text as Option<OriginName>,
        /// The first entry that it signs.
        from_index: Int as u64,
        /// The last entry that it signs.
        to_index: Int as Option<u64>,
        /// When it was introduced.
        introduced_at: Time as Timestamp,
        /// Why it was revoked.
        revoke_reason: Symbol as Option<RevokedKeyReason>,
        /// The first entry in doubt.
        disputed_from: Int as Option<u64>,
        /// The last entry in doubt.
        disputed_to: Int as Option<u64>,
        /// Why they are.
        dispute_reason: Symbol as Option<DisputeReason>,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "keys", version: 1, tables: &[&SIGNING_KEY] };

/// The projection.
#[derive(Debug)]
pub struct Keys;

impl Projection for Keys {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.key()? else { return Ok(()) };
        match fact {
            // The genesis is signed by the key that it introduces, a rotation by the key before.
            KeyEvent::Genesis(genesis) => {
                let mut row = introduced(event, &genesis.kid, &genesis.key, event.index);
                row.origin = Some(genesis.origin.clone());
                rows.store(&row);
                Ok(())
            }
            KeyEvent::Rotated(rotated) => {
                change(event, &rotated.old_kid, rows, |row| {
                    row.state = "rotated".into();
                    row.to_index = Some(event.index);
                })?;
                rows.store(&introduced(event, &rotated.kid, &rotated.key, event.index + 1));
                Ok(())
            }
            KeyEvent::Revoked(revoked) => change(event, &revoked.kid, rows, |row| {
                row.state = "revoked".into();
                row.to_index.get_or_insert(event.index);
                row.revoke_reason = Some(revoked.reason);
            }),
            KeyEvent::Disputed(disputed) => change(event, &disputed.kid, rows, |row| {
                row.disputed_from = Some(disputed.from_index);
                row.disputed_to = Some(disputed.to_index);
                row.dispute_reason = Some(disputed.reason);
            }),
        }
    }
}

fn introduced(
    event: &LogEvent,
    kid: &KeyIdText,
    public_key: &PublicKeyText,
    from_index: u64,
) -> SigningKeyRow {
    SigningKeyRow {
        kid: kid.clone(),
        state: "active".into(),
        public_key: public_key.clone(),
        origin: None,
        from_index,
        to_index: None,
        introduced_at: event.time,
        revoke_reason: None,
        disputed_from: None,
        disputed_to: None,
        dispute_reason: None,
        changed_index: event.index,
    }
}

fn change(
    event: &LogEvent,
    kid: &KeyIdText,
    rows: &mut dyn Rows,
    change: impl FnOnce(&mut SigningKeyRow),
) -> Result<(), FoldError> {
    let found = rows.amend(&[Cell::of(kid)], |row: &mut SigningKeyRow| {
        row.changed_index = event.index;
        change(row);
    })?;
    if found { Ok(()) } else { Err(FoldError::poison(format!("key {kid} was never introduced"))) }
}
