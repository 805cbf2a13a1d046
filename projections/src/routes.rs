//! Routes: which events become tasks and tickets, and where.

use ledger::read_model;
use ledger::readmodel::{FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::route::RouteEvent;
use ledger_aggregates::values::{
    ConflictPolicy, ControlId, FrameworkId, IntegrationId, RouteAction, RouteId, RouteTrigger, Severity,
};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Routes.
    pub table ROUTE = "route" (resident);
    /// One route.
    pub row RouteRow {
        key {
            /// Its id.
            route: Text as RouteId,
        }
        /// `set` or `removed`.
        state: Symbol as Text,
        /// What makes it act.
        on: Symbol as RouteTrigger,
        /// Only what concerns this framework.
        framework: Text as Option<FrameworkId>,
        /// Only what concerns this control.
        control: Text as Option<ControlId>,
        /// Only what is at least this severe.
        severity_min: Symbol as Option<Severity>,
        /// What it does.
        action: Symbol as RouteAction,
        /// Where tickets go.
        integration: Text as Option<IntegrationId>,
        /// What happens to a field that both sides changed.
        conflict: Symbol as ConflictPolicy,
        /// How severe a task of it is.
        severity: Symbol as Option<Severity>,
        /// When a task of it is due, in seconds after it is opened.
        due_seconds: Int as Option<u64>,
        /// When it was set or removed last.
        changed_at: Time as Timestamp,
        /// Log index of that.
        changed_index: Int as u64,
    }
    index [state];
}

static DEF: ProjectionDef = ProjectionDef { name: "routes", version: 1, tables: &[&ROUTE] };

/// The projection.
#[derive(Debug)]
pub struct Routes;

impl Projection for Routes {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.route()? else { return Ok(()) };
        let route = aggregate_id(event, RouteId::from_stream)?;
        match fact {
            RouteEvent::Set(set) => rows.store(&RouteRow {
                route,
                state: "set".into(),
                on: set.on,
                framework: set.framework.clone(),
                control: set.control.clone(),
                severity_min: set.severity_min,
                action: set.action,
                integration: set.integration.clone(),
                conflict: set.conflict,
                severity: set.severity,
                due_seconds: set.due_seconds.map(u64::from),
                changed_at: event.time,
                changed_index: event.index,
            }),
            RouteEvent::Removed(_) => {
                use ledger::readmodel::CellType;
                let found = rows.amend(&[route.to_cell()], |row: &mut RouteRow| {
                    row.state = "removed".into();
                    row.changed_at = event.time;
                    row.changed_index = event.index;
                })?;
                if !found {
                    return Err(FoldError::poison(format!("route {route} was never set")));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{given, tenant};

    #[test]
    fn a_route_is_as_it_was_set_last() {
        let set = |conflict: &str| json!({ "on": "control_failed", "action": "open_ticket", "integration": "jira-1", "conflict": conflict });
        let mut events = vec![("route-a", "route.set", set("ours")), ("route-a", "route.set", set("hold"))];
        let row = given(&events).only::<RouteRow>(&tenant("t"));
        assert_eq!((&*row.state, row.conflict, row.changed_index), ("set", ConflictPolicy::Hold, 1));
        events.push(("route-a", "route.removed", json!({})));
        assert_eq!(given(&events).only::<RouteRow>(&tenant("t")).state, "removed");
        assert_eq!(given(&[("route-b", "route.removed", json!({}))]).poisoned[0].projection, "routes");
    }
}
