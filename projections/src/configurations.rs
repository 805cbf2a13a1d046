//! Every configuration that an integration has had, to compare and to restore.

use ledger::read_model;
use ledger::readmodel::{FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::integration::IntegrationEvent;
use ledger_aggregates::values::IntegrationId;

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Configurations of integrations.
    pub table CONFIGURATION = "configuration" (resident);
    /// One configuration.
    pub row ConfigurationRow {
        key {
            /// Of which integration.
            integration: Text as IntegrationId,
            /// Its number, counted from 1.
            version: Int as u64,
        }
        /// The number of the one that it repeats.
        restores: Int as Option<u64>,
        /// How often the integration works under it, in seconds.
        cadence_seconds: Int as Option<u64>,
        /// Since when.
        set_at: Time as Timestamp,
        /// Who set it.
        set_by: Text as Text,
        /// Log index of the event that discloses it.
        config_index: Int as u64,
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "configurations", version: 1, tables: &[&CONFIGURATION] };

/// The projection.
#[derive(Debug)]
pub struct Configurations;

impl Projection for Configurations {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let (version, restores, cadence_seconds) = match event.integration()? {
            Some(IntegrationEvent::Configured(e)) => (e.config_version, None, e.cadence_seconds),
            Some(IntegrationEvent::Restored(e)) => (e.config_version, Some(e.restores), e.cadence_seconds),
            _ => return Ok(()),
        };
        rows.store(&ConfigurationRow {
            integration: aggregate_id(event, IntegrationId::from_stream)?,
            version: version.into(),
            restores: restores.map(u64::from),
            cadence_seconds: cadence_seconds.map(u64::from),
            set_at: event.time,
            set_by: event.actor.clone(),
            config_index: event.index,
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
    fn every_configuration_is_kept_with_what_it_repeats() {
        let rows = given(&[
            (
                "integration-j",
                "integration.registered",
                json!({ "kind": "jira", "adapter_version": "1.0.0" }),
            ),
            ("integration-j", "integration.configured", json!({ "config_version": 1 })),
            ("integration-j", "integration.configured", json!({ "config_version": 2 })),
            ("integration-j", "integration.restored", json!({ "config_version": 3, "restores": 1 })),
        ])
        .all::<ConfigurationRow>(&tenant("t"));
        let kept: Vec<_> = rows.iter().map(|row| (row.version, row.restores, row.config_index)).collect();
        assert_eq!(kept, [(1, None, 1), (2, None, 2), (3, Some(1), 3)]);
    }
}
