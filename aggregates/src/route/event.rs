//! What happens to a route.

use crate::events;
use crate::values::{
    ConflictPolicy, ControlId, FrameworkId, IntegrationId, RouteAction, RouteTrigger, Severity,
};

events! {
    /// What happened to a route.
    "route" RouteEvent {
        /// From here on, what matches goes this way. It replaces what the route said before.
        Set(RouteSet) = "ledger.route.set.v1" {
            /// What makes it act.
            on: RouteTrigger,
            /// Only what concerns this framework.
            framework: Option<FrameworkId>,
            /// Only what concerns this control.
            control: Option<ControlId>,
            /// Only what is at least this severe.
            severity_min: Option<Severity>,
            /// What it does.
            action: RouteAction,
            /// Where tickets go.
            integration: Option<IntegrationId>,
            /// What happens to a field of the ticket that both sides changed.
            conflict: ConflictPolicy,
            /// How severe a task of it is; absent: as severe as what it is about.
            severity: Option<Severity>,
            /// When a task of it is due, in seconds after it is opened.
            due_seconds: Option<u32>,
        }
        /// The route acts no more.
        Removed(RouteRemoved) = "ledger.route.removed.v1" {
        }
    }
}
