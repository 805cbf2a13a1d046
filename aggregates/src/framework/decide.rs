//! The rules of a framework.

use std::collections::BTreeSet;

use ledger::domain::{Aggregate, DecideCtx};
use serde_json::{Map, Value};

use super::catalog::limits;
use super::{Catalog, CatalogControl, FrameworkCommand, FrameworkControlsAdded, FrameworkControlsWithdrawn};
use super::{FrameworkEvent, FrameworkImported, FrameworkState};
use crate::refusals;
use crate::schema::{Confidential, Public};
use crate::values::{ControlId, Version};

/// The aggregate of one framework.
#[derive(Debug)]
pub struct Framework;

refusals! {
    /// Why a catalogue is refused.
    FrameworkRefusal {
        /// The edition is there with other content.
        EditionTaken {
            /// The edition.
            version: Version
        } => Conflict, "framework-edition-taken", "/version",
            "edition {version} is imported already, with other content", "give the changed catalogue another version";
        /// No controls, or too many.
        Controls {
            /// How many.
            count: usize
        } => Invalid, "framework-controls", "/controls",
            "the catalogue has {count} controls; it takes 1 to 5,000", "import a baseline, or split the catalogue";
        /// Too many groups.
        Groups {
            /// How many.
            count: usize
        } => Invalid, "framework-groups", "/groups",
            "the catalogue has {count} groups; 64 fit", "use the upper level of groups only";
        /// Too long titles of groups.
        GroupsTooLarge {
            /// How many bytes of JSON.
            bytes: usize
        } => Invalid, "framework-groups-too-large", "/groups",
            "the groups have {bytes} bytes of JSON; 24,000 fit", "shorten their titles";
        /// A control twice.
        ControlTwice {
            /// Which.
            control: ControlId
        } => Invalid, "framework-control-twice", "/controls",
            "control {control} is there twice", "give each control an id of its own";
        /// A parent that is not there.
        ParentUnknown {
            /// The control.
            control: ControlId,
            /// The parent that it names.
            parent: ControlId
        } => Invalid, "framework-parent-unknown", "/controls",
            "control {control} enhances {parent}, which does not stand before it", "put the enhanced control first";
        /// A group that is not there.
        GroupUnknown {
            /// The control.
            control: ControlId,
            /// The group that it names.
            group: ControlId
        } => Invalid, "framework-group-unknown", "/controls",
            "control {control} stands in the group {group}, which is not there", "list the group";
        /// Too many mappings.
        Mappings {
            /// The control.
            control: ControlId,
            /// How many.
            count: usize
        } => Invalid, "framework-mappings", "/controls",
            "control {control} maps to {count} others; 32 fit", "keep the nearest ones";
        /// Too long a text.
        ProseTooLong {
            /// The control.
            control: ControlId,
            /// How many bytes.
            bytes: usize
        } => Invalid, "framework-prose-too-long", "/controls",
            "the text of control {control} has {bytes} bytes; 65,536 fit", "shorten it";
        /// A cadence out of bounds.
        Cadence {
            /// In seconds.
            seconds: u32
        } => Invalid, "framework-cadence", "/cadence_seconds",
            "a cadence of {seconds} seconds is out of bounds", "use 1 to 31622400 seconds, or leave it out";
    }
}

impl Aggregate for Framework {
    const CATEGORY: &'static str = "framework";
    type State = FrameworkState;
    type Command = FrameworkCommand;
    type Event = FrameworkEvent;
    type Error = FrameworkRefusal;

    fn decide(
        state: &FrameworkState,
        command: &FrameworkCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<FrameworkEvent>, FrameworkRefusal> {
        let FrameworkCommand::Import(catalog) = command;
        check(catalog)?;
        let imported = imported(catalog);
        if let Some(edition) = &state.edition
            && edition.version == imported.version
        {
            let same = *edition == imported
                && catalog.controls.iter().all(|control| state.controls.get(&control.id) == Some(control));
            return if same {
                Ok(Vec::new())
            } else {
                Err(FrameworkRefusal::EditionTaken { version: imported.version })
            };
        }
        let mut events = vec![imported.into()];
        events.extend(chunks(catalog));
        let kept: BTreeSet<&ControlId> = catalog.controls.iter().map(|control| &control.id).collect();
        let gone: Vec<ControlId> = state.controls.keys().filter(|id| !kept.contains(id)).cloned().collect();
        let withdrawn = gone.chunks(limits::CHUNK_WITHDRAWN_MAX);
        events.extend(withdrawn.map(|c| FrameworkControlsWithdrawn { controls: c.to_vec() }.into()));
        Ok(events)
    }

    fn evolve(state: FrameworkState, event: &FrameworkEvent) -> FrameworkState {
        state.after(event)
    }
}

fn imported(catalog: &Catalog) -> FrameworkImported {
    FrameworkImported {
        version: catalog.version.clone(),
        title: catalog.title.clone(),
        source: catalog.source,
        controls: u32::try_from(catalog.controls.len()).unwrap_or(u32::MAX),
        groups: catalog.groups.clone(),
        cadence_seconds: catalog.cadence_seconds,
    }
}

fn chunks(catalog: &Catalog) -> Vec<FrameworkEvent> {
    let mut events = Vec::new();
    let mut chunk = Chunk::default();
    for control in &catalog.controls {
        let bytes = control.to_json().to_string().len();
        let prose = catalog.prose.get(&control.id);
        let prose_bytes = prose.map_or(0, super::Prose::bytes);
        if !chunk.has_room(bytes, prose_bytes) {
            events.push(std::mem::take(&mut chunk).into_event());
        }
        chunk.controls.push(control.clone());
        chunk.bytes += bytes;
        chunk.prose_bytes += prose_bytes;
        if let Some(prose) = prose {
            chunk.prose.insert(control.id.to_string(), prose.to_json());
        }
    }
    events.push(chunk.into_event());
    events
}

#[derive(Default)]
struct Chunk {
    controls: Vec<CatalogControl>,
    prose: Map<String, Value>,
    bytes: usize,
    prose_bytes: usize,
}

impl Chunk {
    fn has_room(&self, bytes: usize, prose_bytes: usize) -> bool {
        self.controls.is_empty()
            || (self.controls.len() < limits::CHUNK_CONTROLS_MAX
                && self.bytes + bytes <= limits::CHUNK_BYTES_MAX
                && self.prose_bytes + prose_bytes <= limits::CHUNK_PROSE_BYTES_MAX)
    }

    fn into_event(self) -> FrameworkEvent {
        let prose = (!self.prose.is_empty()).then_some(Value::Object(self.prose));
        FrameworkControlsAdded { controls: self.controls, prose: Confidential::from(prose) }.into()
    }
}

fn check(catalog: &Catalog) -> Result<(), FrameworkRefusal> {
    let count = catalog.controls.len();
    if count == 0 || count > limits::CONTROLS_MAX {
        return Err(FrameworkRefusal::Controls { count });
    }
    if catalog.groups.len() > limits::GROUPS_MAX {
        return Err(FrameworkRefusal::Groups { count: catalog.groups.len() });
    }
    let bytes = catalog.groups.to_json().to_string().len();
    if bytes > limits::CHUNK_BYTES_MAX {
        return Err(FrameworkRefusal::GroupsTooLarge { bytes });
    }
    check_cadence(catalog.cadence_seconds)?;
    let groups: BTreeSet<&ControlId> = catalog.groups.iter().map(|group| &group.id).collect();
    let mut seen = BTreeSet::new();
    for control in &catalog.controls {
        check_control(control, &groups, &seen)?;
        if !seen.insert(&control.id) {
            return Err(FrameworkRefusal::ControlTwice { control: control.id.clone() });
        }
    }
    let too_long = catalog.prose.iter().find(|(_, prose)| prose.bytes() > limits::PROSE_BYTES_MAX);
    match too_long {
        Some((id, prose)) => {
            Err(FrameworkRefusal::ProseTooLong { control: id.clone(), bytes: prose.bytes() })
        }
        None => Ok(()),
    }
}

fn check_control(
    control: &CatalogControl,
    groups: &BTreeSet<&ControlId>,
    seen: &BTreeSet<&ControlId>,
) -> Result<(), FrameworkRefusal> {
    let id = || control.id.clone();
    if let Some(parent) = control.parent.as_ref().filter(|parent| !seen.contains(parent)) {
        return Err(FrameworkRefusal::ParentUnknown { control: id(), parent: parent.clone() });
    }
    if let Some(group) = control.group.as_ref().filter(|group| !groups.contains(group)) {
        return Err(FrameworkRefusal::GroupUnknown { control: id(), group: group.clone() });
    }
    if control.maps_to.len() > limits::MAPPINGS_MAX {
        return Err(FrameworkRefusal::Mappings { control: id(), count: control.maps_to.len() });
    }
    check_cadence(control.cadence_seconds)
}

fn check_cadence(cadence_seconds: Option<u32>) -> Result<(), FrameworkRefusal> {
    match cadence_seconds {
        Some(seconds) if seconds == 0 || seconds > limits::CADENCE_SECONDS_MAX => {
            Err(FrameworkRefusal::Cadence { seconds })
        }
        _ => Ok(()),
    }
}
