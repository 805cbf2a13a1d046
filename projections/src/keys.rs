//! The event-signing keys of a log, and which entries each of them signed.

use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows, Text};
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
        state: Symbol as Text,
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{given, minute, tenant};

    fn kid(n: u8) -> String {
        format!("{n:032x}")
    }

    fn key(letter: char) -> String {
        format!("{}=", letter.to_string().repeat(43))
    }

    fn history() -> Vec<(&'static str, &'static str, Value)> {
        let genesis = json!({ "origin": "ledger.example/t", "kid": kid(1), "key": key('A'),
            "checkpoint_vkey": "ledger.example/t+11639dd4+AQOhB7" });
        let proof = format!("{}==", "p".repeat(86));
        let rotated = json!({ "old_kid": kid(1), "kid": kid(2), "key": key('B'), "proof": proof });
        vec![("key-t", "key.genesis", genesis), ("x-1", "x.y", json!({})), ("key-t", "key.rotated", rotated)]
    }

    #[test]
    fn each_key_says_which_entries_it_signs() {
        let rows = given(&history()).all::<SigningKeyRow>(&tenant("t"));
        let told: Vec<_> = rows.iter().map(|row| (&*row.state, row.from_index, row.to_index)).collect();
        assert_eq!(told, [("rotated", 0, Some(2)), ("active", 3, None)]);
        assert_eq!(rows[0].origin.as_ref().map(OriginName::as_str), Some("ledger.example/t"));
        assert_eq!(rows[1].introduced_at, minute(2));
    }

    #[test]
    fn revocation_and_doubt_are_told() {
        let mut events = history();
        events.push(("key-t", "key.revoked", json!({ "kid": kid(1), "reason": "compromised" })));
        let rows = given(&events).all::<SigningKeyRow>(&tenant("t"));
        // What it signed before stays its own: it had been replaced already.
        assert_eq!((&*rows[0].state, rows[0].to_index), ("revoked", Some(2)));
        assert_eq!(rows[0].revoke_reason, Some(RevokedKeyReason::Compromised));
    }

    #[test]
    fn a_rotation_away_from_an_unknown_key_is_poison() {
        let folded = given(&history()[1..]);
        assert_eq!(folded.poisoned[0].projection, "keys");
        assert!(folded.all::<SigningKeyRow>(&tenant("t")).is_empty());
    }
}
