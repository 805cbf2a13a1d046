//! What is known about an integration.

use super::IntegrationEvent;
use super::command::limits;
use crate::values::{DegradedReason, IntegrationKind, PauseReason, ValueMac, Version};

/// What is known about an integration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IntegrationState {
    /// It is not registered.
    #[default]
    Absent,
    /// It is registered.
    Registered(Registration),
    /// It is over.
    Retired,
}

/// A registered integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Which adapter it uses.
    pub kind: IntegrationKind,
    /// The adapter's version.
    pub adapter_version: Version,
    /// The package that alone is run under this version.
    pub package: Option<ValueMac>,
    /// The version of the package that was chosen for it alone.
    pub chosen: Option<Version>,
    /// What was chosen before, the last one last.
    pub before: Vec<Option<Version>>,
    /// The number of its configuration; 0: none yet.
    pub config_version: u32,
    /// Does it work?
    pub activity: Activity,
    /// Does it work well?
    pub health: Health,
    /// How many bad times there have been.
    pub episodes: u32,
}

/// Does an integration work?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Not yet.
    Disabled,
    /// Yes.
    Enabled,
    /// Not for now.
    Paused {
        /// Why.
        reason: PauseReason,
    },
}

/// Does an integration work well?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Yes, as far as is known.
    Good,
    /// No.
    Degraded {
        /// Why.
        reason: DegradedReason,
    },
}

impl IntegrationState {
    pub(super) fn after(self, event: &IntegrationEvent) -> Self {
        match (self, event) {
            (_, IntegrationEvent::Registered(e)) => Self::Registered(Registration {
                kind: e.kind.clone(),
                adapter_version: e.adapter_version.clone(),
                package: None,
                chosen: None,
                before: Vec::new(),
                config_version: 0,
                activity: Activity::Disabled,
                health: Health::Good,
                episodes: 0,
            }),
            (_, IntegrationEvent::Retired(_)) => Self::Retired,
            (Self::Registered(registration), event) => Self::Registered(registration.after(event)),
            (state, _) => state,
        }
    }
}

impl Registration {
    fn after(mut self, event: &IntegrationEvent) -> Self {
        match event {
            IntegrationEvent::Configured(e) => self.config_version = e.config_version,
            IntegrationEvent::Restored(e) => self.config_version = e.config_version,
            IntegrationEvent::Pinned(e) => self.package = Some(e.package.clone()),
            IntegrationEvent::AdapterChosen(e) => {
                let last = std::mem::replace(&mut self.chosen, e.version.clone());
                if e.back {
                    self.before.pop();
                } else {
                    self.before.push(last);
                    let surplus = self.before.len().saturating_sub(limits::CHOICES_MAX);
                    self.before.drain(..surplus);
                }
                // Other files may have the same version.
                self.package = None;
            }
            IntegrationEvent::Enabled(_) | IntegrationEvent::Resumed(_) => self.activity = Activity::Enabled,
            IntegrationEvent::Paused(e) => self.activity = Activity::Paused { reason: e.reason },
            IntegrationEvent::Degraded(e) => {
                self.health = Health::Degraded { reason: e.reason };
                self.episodes = e.episode;
            }
            IntegrationEvent::Recovered(_) => self.health = Health::Good,
            IntegrationEvent::Upgraded(e) => {
                self.adapter_version = e.to.clone();
                self.package = None;
            }
            IntegrationEvent::Registered(_)
            | IntegrationEvent::Retired(_)
            | IntegrationEvent::Authorised(_) => {}
        }
        self
    }
}
