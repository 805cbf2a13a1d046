//! All projections.

use std::sync::{Arc, LazyLock};

use ledger::ids::StreamId;
use ledger::readmodel::{FoldError, ProjectionDef, RawEvent, ReadModels, Rows, Schema};
use ledger::time::Timestamp;

use crate::event::LogEvent;
use crate::{
    alerts, audit, configurations, controls, credentials, evidence, exchanges, exports, frameworks,
    integrations, intents, keys, probes, routes, runs, scorecards, secrets, subjects, tasks, tenants,
    tickets,
};

/// A pure fold of events into its own tables.
pub trait Projection: Send + Sync {
    /// Its name, version and tables.
    fn def(&self) -> &'static ProjectionDef;

    /// Folds one event.
    ///
    /// # Errors
    /// [`FoldError::Poison`] if the event concerns this projection and cannot be folded.
    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError>;
}

/// Every projection, in the order in which each event is folded.
pub const PROJECTIONS: &[&dyn Projection] = &[
    &audit::Audit,
    &evidence::Evidence,
    &controls::Controls,
    &scorecards::Scorecards,
    &frameworks::Frameworks,
    &probes::Probes,
    &integrations::Integrations,
    &credentials::Credentials,
    &alerts::Alerts,
    &tenants::Tenants,
    &keys::Keys,
    &exports::Exports,
    &subjects::Subjects,
    &routes::Routes,
    &tasks::Tasks,
    &tickets::Tickets,
    &intents::Intents,
    &exchanges::Exchanges,
    &runs::Runs,
    &secrets::Secrets,
    &configurations::Configurations,
];

/// The product's read models, for the runner and for the offline replay.
#[derive(Debug, Clone, Copy, Default)]
pub struct LedgerModels;

impl LedgerModels {
    /// The schema of all projections.
    pub fn schema() -> &'static Arc<Schema> {
        static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
            let defs = PROJECTIONS.iter().map(|projection| *projection.def()).collect();
            Arc::new(Schema::new(defs).expect("the schema is checked by a test"))
        });
        &SCHEMA
    }
}

impl ReadModels for LedgerModels {
    type Event = LogEvent;

    fn schema(&self) -> &Arc<Schema> {
        Self::schema()
    }

    fn parse(&self, raw: RawEvent<'_>, as_of: Timestamp) -> Result<LogEvent, String> {
        LogEvent::parse(raw, as_of)
    }

    fn as_of(event: &LogEvent) -> Timestamp {
        event.as_of
    }

    fn stream(event: &LogEvent) -> &StreamId {
        &event.stream
    }

    fn fold(&self, projection: usize, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        PROJECTIONS[projection].fold(event, rows)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_schema_is_sound_and_names_are_unique() {
        let schema = LedgerModels::schema();
        let names: HashSet<_> = schema.projections().iter().map(|projection| projection.name).collect();
        assert_eq!(names.len(), PROJECTIONS.len());
        assert!(
            schema
                .projections()
                .iter()
                .all(|projection| projection.version > 0 && !projection.tables.is_empty())
        );
    }
}
