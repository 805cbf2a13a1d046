//! The frameworks that were imported.

use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::framework::{CatalogGroup, FrameworkEvent};
use ledger_aggregates::values::{ControlId, FrameworkId, FrameworkSource, Version};

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
        title: Text as Text,
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

read_model! {
    /// The groups that a framework's controls stand in.
    pub table FRAMEWORK_GROUP = "framework_group" (resident);
    /// One group.
    pub row FrameworkGroupRow {
        key {
            /// The framework.
            framework: Text as FrameworkId,
            /// The group's id.
            group: Text as ControlId,
        }
        /// Its title.
        title: Text as Text,
        /// Its place in the catalogue.
        place: Int as u64,
    }
}

/// Groups that are walked when an edition replaces another; an edition has no more.
const GROUPS_MAX: usize = 64;

static DEF: ProjectionDef =
    ProjectionDef { name: "frameworks", version: 1, tables: &[&FRAMEWORK, &FRAMEWORK_GROUP] };

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
            FrameworkEvent::Imported(imported) => {
                regroup(&framework, &imported.groups, rows)?;
                rows.store(&FrameworkRow {
                    framework,
                    version: imported.version.clone(),
                    title: Text::new(imported.title.as_str()),
                    source: imported.source,
                    controls: imported.controls.into(),
                    cadence_seconds: imported.cadence_seconds.map(u64::from),
                    imported_at: event.time,
                    imported_index: event.index,
                    changed_index: event.index,
                });
            }
            FrameworkEvent::ControlsAdded(_) | FrameworkEvent::ControlsWithdrawn(_) => {
                rows.amend(&[Cell::of(&framework)], |row: &mut FrameworkRow| {
                    row.changed_index = event.index
                })?;
            }
        }
        Ok(())
    }
}

fn regroup(framework: &FrameworkId, groups: &[CatalogGroup], rows: &mut dyn Rows) -> Result<(), FoldError> {
    for old in rows.list::<FrameworkGroupRow>(&[Cell::of(framework)], GROUPS_MAX)? {
        rows.delete(&FRAMEWORK_GROUP, &[Cell::of(framework), Cell::of(&old.group)]);
    }
    for (place, CatalogGroup { id, title }) in (0..).zip(groups) {
        let (framework, group) = (framework.clone(), id.clone());
        rows.store(&FrameworkGroupRow { framework, group, title: Text::new(title.as_str()), place });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{given, minute, tenant};

    fn imported(version: &str, groups: &Value) -> Value {
        json!({ "version": version, "title": "A catalogue", "source": "oscal", "controls": 2, "groups": groups,
            "cadence_seconds": 86400 })
    }

    #[test]
    fn the_latest_edition_stands_with_its_groups() {
        let first = json!([{ "id": "ac", "title": "Access control" }, { "id": "au", "title": "Audit" }]);
        let second = json!([{ "id": "sc", "title": "Communications" }]);
        let folded = given(&[
            ("framework-nist", "framework.imported", imported("5.1", &first)),
            ("framework-nist", "framework.imported", imported("5.2", &second)),
            ("framework-nist", "framework.controls_withdrawn", json!({ "controls": ["ac-1"] })),
            ("framework-cis", "framework.imported", imported("8", &first)),
        ]);
        let rows = folded.all::<FrameworkRow>(&tenant("t"));
        assert_eq!(rows.iter().map(|row| row.framework.as_str()).collect::<Vec<_>>(), ["cis", "nist"]);
        let nist = &rows[1];
        assert_eq!((nist.version.as_str(), nist.controls, nist.cadence_seconds), ("5.2", 2, Some(86_400)));
        assert_eq!((nist.imported_index, nist.imported_at, nist.changed_index), (1, minute(1), 2));
        let groups = folded.all::<FrameworkGroupRow>(&tenant("t"));
        let named: Vec<_> =
            groups.iter().map(|row| (row.framework.as_str(), row.group.as_str(), row.place)).collect();
        assert_eq!(named, [("cis", "ac", 0), ("cis", "au", 1), ("nist", "sc", 0)]);
    }
}
