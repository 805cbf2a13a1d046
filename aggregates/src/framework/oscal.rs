//! Reads an OSCAL catalog (NIST OSCAL 1.x, JSON), for example a resolved baseline of NIST SP 800-53.
//!
//! Groups of every level, nested controls and parameters are followed; withdrawn controls are left out.
//! Assessment objectives and methods, back matter and links are not read: they say how to audit, not what is asked for.

use std::collections::BTreeMap;

use ledger::ids::IdError;
use serde::Deserialize;

use super::{Catalog, CatalogControl, CatalogGroup, Prose};
use crate::values::{ControlId, FrameworkSource, PublishedTitle, Version};

mod model;
mod prose;

use model::{Control, Document, Group, Parameter};

/// Why a document is not a catalog that can be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OscalError {
    /// Not JSON, or not an OSCAL catalog.
    #[error("the document is not an OSCAL catalog: {reason}")]
    NotACatalog {
        /// What the reader found.
        reason: String,
    },
    /// An id or a title that the ledger cannot keep.
    #[error("{pointer}: {error}")]
    Member {
        /// Where.
        pointer: String,
        /// Which rule it breaks.
        error: IdError,
    },
}

impl OscalError {
    /// The JSON pointer of what is wrong, empty where it is the whole.
    pub fn pointer(&self) -> &str {
        match self {
            Self::NotACatalog { .. } => "",
            Self::Member { pointer, .. } => pointer,
        }
    }

    /// How to mend it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotACatalog { .. } => {
                "send the JSON of an OSCAL catalog: an object with the member `catalog`; resolve a profile first"
            }
            Self::Member { .. } => "change the id or the title in the catalog",
        }
    }
}

/// Reads a catalog.
///
/// # Errors
/// What is wrong with the document, and where.
pub fn parse(json: &[u8]) -> Result<Catalog, OscalError> {
    let document: Document = serde_json::from_slice(json)
        .map_err(|error| OscalError::NotACatalog { reason: error.to_string() })?;
    read(&document)
}

/// Reads a catalog from a document that is parsed already.
///
/// # Errors
/// What is wrong with the document, and where.
pub fn from_value(value: &serde_json::Value) -> Result<Catalog, OscalError> {
    let document = Document::deserialize(value)
        .map_err(|error| OscalError::NotACatalog { reason: error.to_string() })?;
    read(&document)
}

fn read(document: &Document) -> Result<Catalog, OscalError> {
    let source = &document.catalog;
    let version = source.metadata.version.replace(' ', "-");
    let at = |pointer: &str| {
        let pointer = pointer.to_owned();
        move |error| OscalError::Member { pointer, error }
    };
    let mut catalog = Catalog {
        version: Version::new(&version).map_err(at("/catalog/metadata/version"))?,
        title: title(&source.metadata.title).map_err(at("/catalog/metadata/title"))?,
        source: FrameworkSource::Oscal,
        cadence_seconds: None,
        groups: Vec::new(),
        controls: Vec::new(),
        prose: BTreeMap::new(),
    };
    let mut reader = Reader { catalog: &mut catalog, parameters: BTreeMap::new() };
    reader.collect_parameters(&source.params, &source.groups, &source.controls);
    reader.groups(&source.groups, "/catalog")?;
    reader.controls(&source.controls, None, None, "/catalog")?;
    Ok(catalog)
}

struct Reader<'a> {
    catalog: &'a mut Catalog,
    /// Text may insert a parameter of any control, so all are known before the first text is read.
    parameters: BTreeMap<&'a str, &'a Parameter>,
}

impl<'a> Reader<'a> {
    fn collect_parameters(&mut self, params: &'a [Parameter], groups: &'a [Group], controls: &'a [Control]) {
        for param in params {
            self.parameters.insert(&param.id, param);
            // An older text inserts a parameter by the id that it had before.
            for prop in param.props.iter().filter(|prop| prop.name == "alt-identifier") {
                self.parameters.entry(&prop.value).or_insert(param);
            }
        }
        for group in groups {
            self.collect_parameters(&group.params, &group.groups, &group.controls);
        }
        for control in controls {
            self.collect_parameters(&control.params, &[], &control.controls);
        }
    }

    fn groups(&mut self, groups: &[Group], above: &str) -> Result<(), OscalError> {
        for (at, group) in groups.iter().enumerate() {
            let pointer = format!("{above}/groups/{at}");
            // A group without an id orders the page only; its controls stand in no group.
            let id = group.id.as_deref().map(|id| control_id(id, &pointer)).transpose()?;
            // A group that only holds groups would be an empty heading.
            if let Some(id) = id.as_ref().filter(|_| !group.controls.is_empty()) {
                let title = title_at(&group.title, &pointer)?;
                self.catalog.groups.push(CatalogGroup { id: id.clone(), title });
            }
            self.groups(&group.groups, &pointer)?;
            self.controls(&group.controls, id.as_ref(), None, &pointer)?;
        }
        Ok(())
    }

    fn controls(
        &mut self,
        controls: &[Control],
        group: Option<&ControlId>,
        parent: Option<&ControlId>,
        above: &str,
    ) -> Result<(), OscalError> {
        for (at, control) in controls.iter().enumerate().filter(|(_, control)| !control.is_withdrawn()) {
            let pointer = format!("{above}/controls/{at}");
            let id = control_id(&control.id, &pointer)?;
            let prose = Prose {
                statement: prose::of(&control.parts, prose::is_statement, &self.parameters),
                guidance: prose::of(&control.parts, prose::is_guidance, &self.parameters),
            };
            if prose != Prose::default() {
                self.catalog.prose.insert(id.clone(), prose);
            }
            self.catalog.controls.push(CatalogControl {
                id: id.clone(),
                title: title_at(&control.title, &pointer)?,
                parent: parent.cloned(),
                group: group.cloned(),
                cadence_seconds: None,
                maps_to: Vec::new(),
            });
            self.controls(&control.controls, group, Some(&id), &pointer)?;
        }
        Ok(())
    }
}

/// Ids are lower case here: `AC-2` and `ac-2` are one control.
fn control_id(id: &str, pointer: &str) -> Result<ControlId, OscalError> {
    let pointer = || format!("{pointer}/id");
    ControlId::new(id.to_ascii_lowercase()).map_err(|error| OscalError::Member { pointer: pointer(), error })
}

fn title_at(text: &str, pointer: &str) -> Result<PublishedTitle, OscalError> {
    let pointer = || format!("{pointer}/title");
    title(text).map_err(|error| OscalError::Member { pointer: pointer(), error })
}

/// Titles are one line of light markup in OSCAL; longer ones are cut, since the statement says the rest.
fn title(text: &str) -> Result<PublishedTitle, IdError> {
    let plain: String = text.chars().filter(|c| !matches!(c, '*' | '`')).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 200 {
        let cut: String = line.chars().take(199).collect();
        return PublishedTitle::new(format!("{cut}…"));
    }
    PublishedTitle::new(line)
}
