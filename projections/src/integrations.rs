//! The registry of integrations.

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::integration::IntegrationEvent;
use ledger_aggregates::values::{IntegrationId, IntegrationKind, Version};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Integrations.
    pub table INTEGRATION = "integration" (resident);
    /// One integration.
    pub row IntegrationRow {
        key {
            /// Its id.
            integration: Text as IntegrationId,
        }
        /// Which adapter it uses.
        kind: Symbol as IntegrationKind,
        /// The adapter's version.
        adapter_version: Text as Version,
        /// The version of the adapter's package that was chosen for this integration alone.
        chosen: Text as Option<Version>,
        /// `registered`, `enabled`, `paused` or `retired`.
        state: Symbol as Text,
        /// Why it is paused or retired.
        reason: Symbol as Option<Text>,
        /// Why it works badly; absent: it does not.
        degraded: Symbol as Option<Text>,
        /// The number of its configuration.
        config_version: Int as Option<u64>,
        /// How often it works, in seconds.
        cadence_seconds: Int as Option<u64>,
        /// When it was registered.
        registered_at: Time as Timestamp,
        /// When something happened to it last.
        changed_at: Time as Timestamp,
        /// Log index of the event that discloses its name.
        name_index: Int as u64,
        /// Log index of the event that discloses its configuration.
        config_index: Int as Option<u64>,
        /// Log index of the event that discloses what the other side said.
        degraded_index: Int as Option<u64>,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
    index [kind];
    index [state];
}

static DEF: ProjectionDef = ProjectionDef { name: "integrations", version: 2, tables: &[&INTEGRATION] };

/// The projection.
#[derive(Debug)]
pub struct Integrations;

impl Projection for Integrations {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.integration()? else { return Ok(()) };
        let integration = aggregate_id(event, IntegrationId::from_stream)?;
        if let IntegrationEvent::Registered(registered) = fact {
            rows.store(&IntegrationRow {
                integration,
                kind: registered.kind.clone(),
                adapter_version: registered.adapter_version.clone(),
                chosen: None,
                state: "registered".into(),
                reason: None,
                degraded: None,
                config_version: None,
                cadence_seconds: None,
                registered_at: event.time,
                changed_at: event.time,
                name_index: event.index,
                config_index: None,
                degraded_index: None,
                changed_index: event.index,
            });
            return Ok(());
        }
        let found = rows.amend(&[integration.to_cell()], |row: &mut IntegrationRow| {
            row.changed_at = event.time;
            row.changed_index = event.index;
            change(row, event.index, fact);
        })?;
        if found {
            Ok(())
        } else {
            Err(FoldError::poison(format!("integration {integration} was never registered")))
        }
    }
}

fn change(row: &mut IntegrationRow, index: u64, fact: &IntegrationEvent) {
    match fact {
        IntegrationEvent::Registered(_) => {}
        IntegrationEvent::Configured(configured) => {
            row.config_version = Some(configured.config_version.into());
            row.cadence_seconds = configured.cadence_seconds.map(u64::from);
            row.config_index = Some(index);
        }
        IntegrationEvent::Restored(restored) => {
            row.config_version = Some(restored.config_version.into());
            row.cadence_seconds = restored.cadence_seconds.map(u64::from);
            row.config_index = Some(index);
        }
        IntegrationEvent::Pinned(_) | IntegrationEvent::Authorised(_) => {}
        IntegrationEvent::AdapterChosen(chosen) => row.chosen = chosen.version.clone(),
        IntegrationEvent::Enabled(_) | IntegrationEvent::Resumed(_) => {
            row.state = "enabled".into();
            row.reason = None;
        }
        IntegrationEvent::Paused(paused) => {
            row.state = "paused".into();
            row.reason = Some(paused.reason.as_str().into());
        }
        IntegrationEvent::Degraded(degraded) => {
            row.degraded = Some(degraded.reason.as_str().into());
            row.degraded_index = Some(index);
        }
        IntegrationEvent::Recovered(_) => row.degraded = None,
        IntegrationEvent::Upgraded(upgraded) => row.adapter_version = upgraded.to.clone(),
        IntegrationEvent::Retired(retired) => {
            row.state = "retired".into();
            row.reason = Some(retired.reason.as_str().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{given, minute, tenant};

    #[test]
    fn an_integration_is_followed_from_registration_to_its_end() {
        let mut events = vec![
            (
                "integration-j",
                "integration.registered",
                json!({ "kind": "jira", "adapter_version": "1.0.0" }),
            ),
            (
                "integration-j",
                "integration.configured",
                json!({ "config_version": 1, "cadence_seconds": 300 }),
            ),
            ("integration-j", "integration.enabled", json!({})),
            ("integration-j", "integration.degraded", json!({ "reason": "rate_limited", "episode": 1 })),
        ];
        let row = given(&events).only::<IntegrationRow>(&tenant("t"));
        assert_eq!((&*row.state, row.degraded.as_deref()), ("enabled", Some("rate_limited")));
        assert_eq!((row.config_version, row.cadence_seconds), (Some(1), Some(300)));
        assert_eq!(
            (row.name_index, row.config_index, row.degraded_index, row.changed_index),
            (0, Some(1), Some(3), 3)
        );
        assert_eq!((row.registered_at, row.changed_at), (minute(0), minute(3)));
        events.push(("integration-j", "integration.recovered", json!({ "episode": 1 })));
        events.push(("integration-j", "integration.paused", json!({ "reason": "credentials" })));
        events.push(("integration-j", "integration.upgraded", json!({ "from": "1.0.0", "to": "1.1.0" })));
        let row = given(&events).only::<IntegrationRow>(&tenant("t"));
        assert_eq!(
            (&*row.state, row.reason.as_deref(), row.degraded.as_deref()),
            ("paused", Some("credentials"), None)
        );
        assert_eq!(row.adapter_version.as_str(), "1.1.0");
        events.push(("integration-j", "integration.resumed", json!({})));
        assert_eq!(given(&events).only::<IntegrationRow>(&tenant("t")).state, "enabled");
        events.push(("integration-j", "integration.retired", json!({ "reason": "replaced" })));
        let row = given(&events).only::<IntegrationRow>(&tenant("t"));
        assert_eq!((&*row.state, row.reason.as_deref()), ("retired", Some("replaced")));
    }

    #[test]
    fn news_of_an_integration_that_was_never_registered_is_poison() {
        let folded = given(&[("integration-x", "integration.enabled", json!({}))]);
        assert_eq!(folded.poisoned[0].projection, "integrations");
        assert!(folded.all::<IntegrationRow>(&tenant("t")).is_empty());
    }
}
