//! The registry of integrations.

use std::sync::Arc;

use ledger::read_model;
use ledger::readmodel::{CellType, FoldError, ProjectionDef, Rows};
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
        /// `registered`, `enabled`, `paused` or `retired`.
        state: Symbol as Arc<str>,
        /// Why it is paused or retired.
        reason: Symbol as Option<Arc<str>>,
        /// Why it works badly; absent: it does not.
        degraded: Symbol as Option<Arc<str>>,
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

static DEF: ProjectionDef = ProjectionDef { name: "integrations", version: 1, tables: &[&INTEGRATION] };

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
