//! What the reactors of work in other systems are given beside the events.

use ledger::ids::{StreamId, TenantId};
use ledger_aggregates::route::{Occasion, RouteRule};
use ledger_aggregates::values::{ControlRef, IntegrationId, RouteAction, ValueMac};
use serde_json::Value;

/// What is around the events: each is a question with one answer for the same log.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The routes of a tenant, in the order of their ids.
    pub routes: &'a dyn Fn(&TenantId) -> Vec<RouteRule>,
    /// The title of a control in its catalogue.
    pub title: &'a dyn Fn(&TenantId, &ControlRef) -> Option<String>,
    /// The number of the failure that a control is in, if it fails.
    pub failure: &'a dyn Fn(&TenantId, &ControlRef) -> Option<u32>,
    /// The MAC of a value under the tenant's key; none: the tenant has no log here.
    pub mac: &'a dyn Fn(&TenantId, &Value) -> Option<ValueMac>,
    /// Where people see a control, a task or a piece of evidence on our side, if this ledger knows its own address.
    pub page: &'a dyn Fn(&StreamId) -> Option<String>,
}

impl std::fmt::Debug for Around<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Around")
    }
}

impl Around<'_> {
    /// The routes that match.
    pub(super) fn matching(&self, tenant: &TenantId, occasion: &Occasion<'_>) -> Vec<RouteRule> {
        let mut routes = (self.routes)(tenant);
        routes.retain(|route| route.matches(occasion).is_ok());
        routes
    }

    /// The integrations that get a ticket, each by the first route that says so.
    pub(super) fn places(
        &self,
        tenant: &TenantId,
        occasion: &Occasion<'_>,
    ) -> Vec<(IntegrationId, RouteRule)> {
        let mut places: Vec<(IntegrationId, RouteRule)> = Vec::new();
        for route in self.matching(tenant, occasion) {
            let Some(integration) =
                route.integration.clone().filter(|_| route.action == RouteAction::OpenTicket)
            else {
                continue;
            };
            if places.iter().all(|(known, _)| *known != integration) {
                places.push((integration, route));
            }
        }
        places
    }
}
