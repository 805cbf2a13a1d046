//! The frameworks that were imported.

use std::sync::Arc;

use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows};
use ledger::time::Timestamp;
use ledger_aggregates::framework::FrameworkEvent;
use ledger_aggregates::values::{FrameworkId, FrameworkSource, Version};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Frameworks, each in its latest edition.
    pub table FRAMEWORK = "framework" (resident);
    /// One framework.
    pub row FrameworkRow {
        key {
            /// Its id.
            framework: Text as FrameworkId,
        }
        /// The edition.
        version: Text as Version,
        /// The catalogue's title.
        title: Text as Arc<str>,
        /// Where it came from.
        source: Symbol as FrameworkSource,
        /// How many controls the edition has, as it says itself.
        controls: Int as u64,
        /// How often evidence is expected where a control says nothing else, in seconds.
        cadence_seconds: Int as Option<u64>,
        /// When this edition was imported.
        imported_at: Time as Timestamp,
        /// Log index of that.
        imported_index: Int as u64,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
}

static DEF: ProjectionDef = ProjectionDef { name: "frameworks", version: 1, tables: &[&FRAMEWORK] };

/// The projection.
#[derive(Debug)]
pub struct Frameworks;

impl Projection for Frameworks {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.framework()? else { return Ok(()) };
        let framework = aggregate_id(event, FrameworkId::from_stream)?;
        match fact {
            FrameworkEvent::Imported(imported) => rows.store(&FrameworkRow {
                framework,
                version: imported.version.clone(),
                title: imported.title.as_str().into(),
                source: imported.source,
                controls: imported.controls.into(),
                cadence_seconds: imported.cadence_seconds.map(u64::from),
                imported_at: event.time,
                imported_index: event.index,
                changed_index: event.index,
            }),
            FrameworkEvent::ControlsAdded(_) | FrameworkEvent::ControlsWithdrawn(_) => {
                rows.amend(&[Cell::of(&framework)], |row: &mut FrameworkRow| {
                    row.changed_index = event.index
                })?;
            }
        }
        Ok(())
    }
}
