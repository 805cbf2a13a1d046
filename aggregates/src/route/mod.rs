//! Routes: which events become tasks, and which tasks become tickets where.
//!
//! Without a route nothing leaves the ledger. A route says nothing about what happened before it was set.

mod event;
#[cfg(test)]
mod tests;

use ledger::domain::{Aggregate, DecideCtx};

pub use event::*;

use crate::values::{
    ConflictPolicy, ControlId, ControlRef, FrameworkId, IntegrationId, RouteAction, RouteTrigger, Severity,
};

/// The aggregate of one route.
#[derive(Debug)]
pub struct Route;

/// Two years.
const DUE_SECONDS_MAX: u32 = 2 * 366 * 86_400;

/// What a route says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRule {
    /// What makes it act.
    pub on: RouteTrigger,
    /// Only what concerns this framework.
    pub framework: Option<FrameworkId>,
    /// Only what concerns this control.
    pub control: Option<ControlId>,
    /// Only what is at least this severe.
    pub severity_min: Option<Severity>,
    /// What it does.
    pub action: RouteAction,
    /// Where tickets go.
    pub integration: Option<IntegrationId>,
    /// What happens to a field of the ticket that both sides changed.
    pub conflict: ConflictPolicy,
    /// How severe a task of it is; none: as severe as what it is about.
    pub severity: Option<Severity>,
    /// When a task of it is due, in seconds after it is opened.
    pub due_seconds: Option<u32>,
}

/// What a route is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// What happened.
    pub on: RouteTrigger,
    /// The control that it concerns.
    pub control: Option<&'a ControlRef>,
    /// How severe it is.
    pub severity: Severity,
}

/// Why a route does not match, for `routes explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It acts on something else.
    #[error("it acts on something else")]
    Trigger,
    /// It is for another framework.
    #[error("it is for another framework")]
    Framework,
    /// It is for another control.
    #[error("it is for another control")]
    Control,
    /// It is for what is more severe.
    #[error("it is for what is more severe")]
    Severity,
}

impl RouteRule {
    /// Does it match?
    ///
    /// # Errors
    /// The first condition that does not hold.
    pub fn matches(&self, occasion: &Occasion<'_>) -> Result<(), Mismatch> {
        if self.on != occasion.on {
            return Err(Mismatch::Trigger);
        }
        let framework = occasion.control.map(|control| &control.framework);
        if self.framework.is_some() && self.framework.as_ref() != framework {
            return Err(Mismatch::Framework);
        }
        let control = occasion.control.map(|control| &control.control);
        if self.control.is_some() && self.control.as_ref() != control {
            return Err(Mismatch::Control);
        }
        match self.severity_min {
            Some(least) if occasion.severity < least => Err(Mismatch::Severity),
            _ => Ok(()),
        }
    }
}

impl From<&RouteSet> for RouteRule {
    fn from(set: &RouteSet) -> Self {
        Self {
            on: set.on,
            framework: set.framework.clone(),
            control: set.control.clone(),
            severity_min: set.severity_min,
            action: set.action,
            integration: set.integration.clone(),
            conflict: set.conflict,
            severity: set.severity,
            due_seconds: set.due_seconds,
        }
    }
}

/// What may be asked of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteCommand {
    /// Let it say this from here on.
    Set(RouteRule),
    /// Let it act no more.
    Remove,
}

/// What is known about a route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RouteState {
    /// It was never set.
    #[default]
    Absent,
    /// It acts.
    Set(RouteRule),
    /// It acts no more.
    Removed,
}

crate::refusals! {
    /// Why a command to a route is refused.
    RouteRefusal {
        /// It was never set.
        Unknown {} => NotFound, "route-unknown", "",
            "there is no route with this id", "check the id in the list of routes";
        /// A ticket without a place.
        NoIntegration {} => Invalid, "route-without-integration", "/integration",
            "a route that opens tickets must name an integration", "name the integration, or let the route open tasks only";
        /// A control without its framework.
        NoFramework {} => Invalid, "route-without-framework", "/framework",
            "a route for one control must name its framework", "name the framework too, or leave the control out";
        /// A time that is out of bounds.
        Due {
            /// In seconds.
            seconds: u32
        } => Invalid, "route-due", "/due_seconds",
            "a task cannot be due {seconds} seconds after it is opened", "use 1 to 63244800 seconds, or leave it out";
    }
}

impl Aggregate for Route {
    const CATEGORY: &'static str = "route";
    type State = RouteState;
    type Command = RouteCommand;
    type Event = RouteEvent;
    type Error = RouteRefusal;

    fn decide(
        state: &RouteState,
        command: &RouteCommand,
        _ctx: &DecideCtx,
    ) -> Result<Vec<RouteEvent>, RouteRefusal> {
        match (state, command) {
            (RouteState::Set(rule), RouteCommand::Set(wanted)) if rule == wanted => Ok(Vec::new()),
            (_, RouteCommand::Set(rule)) => {
                check(rule)?;
                let rule = rule.clone();
                let set = RouteSet {
                    on: rule.on,
                    framework: rule.framework,
                    control: rule.control,
                    severity_min: rule.severity_min,
                    action: rule.action,
                    integration: rule.integration,
                    conflict: rule.conflict,
                    severity: rule.severity,
                    due_seconds: rule.due_seconds,
                };
                Ok(vec![set.into()])
            }
            (RouteState::Set(_), RouteCommand::Remove) => Ok(vec![RouteRemoved {}.into()]),
            (RouteState::Removed, RouteCommand::Remove) => Ok(Vec::new()),
            (RouteState::Absent, RouteCommand::Remove) => Err(RouteRefusal::Unknown {}),
        }
    }

    fn evolve(_state: RouteState, event: &RouteEvent) -> RouteState {
        match event {
            RouteEvent::Set(set) => RouteState::Set(set.into()),
            RouteEvent::Removed(_) => RouteState::Removed,
        }
    }
}

fn check(rule: &RouteRule) -> Result<(), RouteRefusal> {
    if rule.action == RouteAction::OpenTicket && rule.integration.is_none() {
        return Err(RouteRefusal::NoIntegration {});
    }
    if rule.control.is_some() && rule.framework.is_none() {
        return Err(RouteRefusal::NoFramework {});
    }
    match rule.due_seconds {
        Some(seconds) if seconds == 0 || seconds > DUE_SECONDS_MAX => Err(RouteRefusal::Due { seconds }),
        _ => Ok(()),
    }
}
