//! What is known about a framework.

use std::collections::BTreeMap;

use super::{CatalogControl, FrameworkEvent, FrameworkImported};
use crate::values::ControlId;

/// What is known about a framework.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FrameworkState {
    /// The current edition; none: nothing was imported.
    pub edition: Option<FrameworkImported>,
    /// The controls of the current edition.
    pub controls: BTreeMap<ControlId, CatalogControl>,
}

impl FrameworkState {
    pub(super) fn after(mut self, event: &FrameworkEvent) -> Self {
        match event {
            FrameworkEvent::Imported(e) => self.edition = Some(e.clone()),
            FrameworkEvent::ControlsAdded(e) => {
                self.controls.extend(e.controls.iter().map(|c| (c.id.clone(), c.clone())));
            }
            FrameworkEvent::ControlsWithdrawn(e) => self.controls.retain(|id, _| !e.controls.contains(id)),
        }
        self
    }
}
