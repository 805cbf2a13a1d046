//! A catalogue that is to be imported.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CatalogControl, CatalogGroup};
use crate::values::{ControlId, FrameworkSource, PublishedTitle, Version};

/// What may be asked of a framework.
#[derive(Debug, Clone, PartialEq)]
pub enum FrameworkCommand {
    /// Import an edition of its catalogue. The same edition again changes nothing.
    Import(Box<Catalog>),
}

/// An edition of a catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalog {
    /// The edition.
    pub version: Version,
    /// Its title.
    pub title: PublishedTitle,
    /// Where it came from.
    pub source: FrameworkSource,
    /// How often evidence is expected where a control says nothing else, in seconds.
    pub cadence_seconds: Option<u32>,
    /// The groups that controls stand in.
    pub groups: Vec<CatalogGroup>,
    /// Its controls; a parent stands before what enhances it.
    pub controls: Vec<CatalogControl>,
    /// What the controls say.
    pub prose: BTreeMap<ControlId, Prose>,
}

/// What a control says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose {
    /// What it asks for.
    pub statement: String,
    /// How that is meant.
    pub guidance: String,
}

impl Prose {
    pub(super) fn to_json(&self) -> Value {
        json!({ "statement": self.statement, "guidance": self.guidance })
    }

    pub(super) fn bytes(&self) -> usize {
        self.statement.len() + self.guidance.len()
    }
}

/// The bounds of a catalogue.
pub mod limits {
    /// NIST SP 800-53 with all enhancements has about 1,200.
    pub const CONTROLS_MAX: usize = 5_000;
    /// NIST SP 800-53 has 20 families, the AI RMF 19 categories; the list stands in one header.
    pub const GROUPS_MAX: usize = 64;
    /// Controls of other frameworks that one control maps to.
    pub const MAPPINGS_MAX: usize = 32;
    /// Statement and guidance of one control: several pages.
    pub const PROSE_BYTES_MAX: usize = 64 * 1024;
    /// A year and a day.
    pub const CADENCE_SECONDS_MAX: u32 = 366 * 86_400;
    /// Controls in one event.
    pub const CHUNK_CONTROLS_MAX: usize = 64;
    /// JSON of the controls in one event: a header holds 35,000 bytes, and its other members need room.
    pub const CHUNK_BYTES_MAX: usize = 24_000;
    /// Prose in one event, so that one event stays cheap to read.
    pub const CHUNK_PROSE_BYTES_MAX: usize = 256 * 1024;
    /// Ids of 64 characters in one event.
    pub const CHUNK_WITHDRAWN_MAX: usize = 256;
}
