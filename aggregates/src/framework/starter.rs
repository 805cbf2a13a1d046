//! The catalogue that ships with the product: hosts, access, logging, databases and the governance of AI, in our own words.
//! It maps to controls of NIST SP 800-53 and subcategories of the NIST AI RMF by their ids.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Catalog, CatalogControl, CatalogGroup, Prose};
use crate::values::{ControlId, ControlRef, FrameworkId, FrameworkSource, PublishedTitle, Version};

const SOURCE: &str = include_str!("../../catalogs/starter.json");

/// The id under which the starter catalogue is imported.
pub fn id() -> FrameworkId {
    FrameworkId::new("starter").expect("a constant that follows the rule")
}

/// The starter catalogue.
pub fn catalog() -> Catalog {
    let source: Source = serde_json::from_str(SOURCE).expect("the shipped catalogue is tested");
    source.read().expect("the shipped catalogue is tested")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    version: String,
    title: String,
    cadence_seconds: u32,
    groups: Vec<SourceGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceGroup {
    id: String,
    title: String,
    controls: Vec<SourceControl>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceControl {
    id: String,
    title: String,
    statement: String,
    guidance: String,
    cadence_seconds: Option<u32>,
    maps_to: Vec<String>,
}

impl Source {
    fn read(self) -> Result<Catalog, ledger::ids::IdError> {
        let mut catalog = Catalog {
            version: Version::new(self.version)?,
            title: PublishedTitle::new(self.title)?,
            source: FrameworkSource::Starter,
            cadence_seconds: Some(self.cadence_seconds),
            groups: Vec::new(),
            controls: Vec::new(),
            prose: BTreeMap::new(),
        };
        for group in self.groups {
            let group_id = ControlId::new(group.id)?;
            catalog
                .groups
                .push(CatalogGroup { id: group_id.clone(), title: PublishedTitle::new(group.title)? });
            for control in group.controls {
                let id = ControlId::new(control.id)?;
                let maps_to: Result<Vec<ControlRef>, _> =
                    control.maps_to.iter().map(|to| to.parse()).collect();
                catalog.controls.push(CatalogControl {
                    id: id.clone(),
                    title: PublishedTitle::new(control.title)?,
                    parent: None,
                    group: Some(group_id.clone()),
                    cadence_seconds: control.cadence_seconds,
                    maps_to: maps_to?,
                });
                catalog.prose.insert(id, Prose { statement: control.statement, guidance: control.guidance });
            }
        }
        Ok(catalog)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_starter_catalogue_is_whole() {
        let catalog = catalog();
        assert!((20..=40).contains(&catalog.controls.len()));
        let ids: BTreeSet<_> = catalog.controls.iter().map(|c| &c.id).collect();
        assert_eq!(ids.len(), catalog.controls.len());
        for control in &catalog.controls {
            assert!(!control.maps_to.is_empty(), "{} maps to nothing", control.id);
            assert!(!catalog.prose[&control.id].statement.is_empty());
        }
    }
}
