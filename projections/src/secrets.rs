//! Secrets of connections: their names and numbers, nothing else.

use ledger::read_model;
use ledger::readmodel::{FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::secret::SecretEvent;
use ledger_aggregates::values::SecretName;

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Secrets.
    pub table SECRET = "secret" (resident);
    /// One secret.
    pub row SecretRow {
        key {
            /// Its name.
            secret: Text as SecretName,
        }
        /// `stored` or `deleted`.
        state: Symbol as Text,
        /// Its number.
        version: Int as u64,
        /// When it was stored or deleted last.
        changed_at: Time as Timestamp,
        /// Who did.
        changed_by: Text as Text,
        /// Log index of that.
        changed_index: Int as u64,
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "secrets", version: 1, tables: &[&SECRET] };

/// The projection.
#[derive(Debug)]
pub struct Secrets;

impl Projection for Secrets {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.secret()? else { return Ok(()) };
        let (state, version) = match fact {
            SecretEvent::Stored(e) => ("stored", e.version),
            SecretEvent::Deleted(e) => ("deleted", e.version),
        };
        rows.store(&SecretRow {
            secret: aggregate_id(event, SecretName::from_stream)?,
            state: state.into(),
            version: version.into(),
            changed_at: event.time,
            changed_by: event.actor.clone(),
            changed_index: event.index,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{given, tenant};

    #[test]
    fn a_secret_is_stored_and_deleted() {
        let mut events = vec![("secret-jira-token", "secret.stored", json!({ "version": 1 }))];
        let row = given(&events).only::<SecretRow>(&tenant("t"));
        assert_eq!((row.secret.as_str(), &*row.state, row.version), ("jira-token", "stored", 1));
        events.push(("secret-jira-token", "secret.deleted", json!({ "version": 1 })));
        assert_eq!(given(&events).only::<SecretRow>(&tenant("t")).state, "deleted");
    }
}
