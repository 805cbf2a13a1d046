//! What happens to a framework's catalogue.

use crate::schema::Confidential;
use crate::values::{ControlId, ControlRef, FrameworkSource, PublishedTitle, Version};
use crate::{events, public_object};

events! {
    /// What happened to a framework.
    "framework" FrameworkEvent {
        /// An edition of the catalogue was imported; its controls follow in the same append.
        Imported(FrameworkImported) = "ledger.framework.imported.v1" {
            /// The edition.
            version: Version,
            /// The catalogue's title.
            title: PublishedTitle,
            /// Where it came from.
            source: FrameworkSource,
            /// How many controls the edition has.
            controls: u32,
            /// The groups that controls stand in, at most 64.
            groups: Vec<CatalogGroup>,
            /// How often evidence is expected where a control says nothing else, in seconds.
            cadence_seconds: Option<u32>,
        }
        /// Controls that are new in this edition, or that it words otherwise.
        ControlsAdded(FrameworkControlsAdded) = "ledger.framework.controls_added.v1" {
            /// The controls, at most 64.
            controls: Vec<CatalogControl>,
            /// Their statements and guidance by control id.
            prose: Confidential<serde_json::Value>,
        }
        /// Controls that this edition no longer has.
        ControlsWithdrawn(FrameworkControlsWithdrawn) = "ledger.framework.controls_withdrawn.v1" {
            /// The controls, at most 256.
            controls: Vec<ControlId>,
        }
    }
}

public_object! {
    /// A group of controls.
    CatalogGroup {
        /// Its id.
        id: ControlId,
        /// Its title.
        title: PublishedTitle,
    }
}

public_object! {
    /// A control as the catalogue has it.
    CatalogControl {
        /// Its id.
        id: ControlId,
        /// Its title.
        title: PublishedTitle,
        /// The control that it enhances.
        parent: Option<ControlId>,
        /// The group that it stands in.
        group: Option<ControlId>,
        /// How often evidence is expected, in seconds.
        cadence_seconds: Option<u32>,
        /// Controls of other frameworks that ask for the same.
        maps_to: Vec<ControlRef>,
    }
}
