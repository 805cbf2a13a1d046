//! The tenants of this ledger, from the system log.

use ledger::ids::TenantId;
use ledger::read_model;
use ledger::readmodel::{Cell, FoldError, ProjectionDef, Rows, Text};
use ledger::time::Timestamp;
use ledger_aggregates::tenant::TenantEvent;
use ledger_aggregates::values::{HashText, Region, SuspendReason, VkeyText};

use crate::event::{LogEvent, aggregate_id};
use crate::registry::Projection;

read_model! {
    /// Tenants. All rows belong to the tenant `system`.
    pub table TENANT = "tenant" (resident);
    /// One tenant.
    pub row TenantRow {
        key {
            /// Its id.
            tenant: Id as TenantId,
        }
        /// `active` or `suspended`.
        state: Symbol as Text,
        /// Why it is suspended.
        suspend_reason: Symbol as Option<SuspendReason>,
        /// Its permanent number in anchors.
        slot: Int as u64,
        /// The event hash of entry 0 of its log.
        genesis: Text as HashText,
        /// The verifier key of its checkpoints.
        checkpoint_vkey: Text as VkeyText,
        /// Where its data lives.
        region: Symbol as Region,
        /// When it was onboarded.
        onboarded_at: Time as Timestamp,
        /// Log index of the event that discloses its name.
        name_index: Int as u64,
        /// Log index of the event that discloses whom to ask.
        contact_index: Int as u64,
        /// Log index of what happened to it last.
        changed_index: Int as u64,
    }
    index [slot];
}

static DEF: ProjectionDef = ProjectionDef { name: "tenants", version: 1, tables: &[&TENANT] };

/// The projection.
#[derive(Debug)]
pub struct Tenants;

impl Projection for Tenants {
    fn def(&self) -> &'static ProjectionDef {
        &DEF
    }

    fn fold(&self, event: &LogEvent, rows: &mut dyn Rows) -> Result<(), FoldError> {
        let Some(fact) = event.tenant()? else { return Ok(()) };
        let tenant = aggregate_id(event, |stream| TenantId::new(stream.id()).ok())?;
        if let TenantEvent::Onboarded(onboarded) = fact {
            rows.store(&TenantRow {
                tenant,
                state: "active".into(),
                suspend_reason: None,
                slot: onboarded.slot.into(),
                genesis: onboarded.genesis.clone(),
                checkpoint_vkey: onboarded.checkpoint_vkey.clone(),
                region: onboarded.region.clone(),
                onboarded_at: event.time,
                name_index: event.index,
                contact_index: event.index,
                changed_index: event.index,
            });
            return Ok(());
        }
        let found = rows.amend(&[Cell::of(&tenant)], |row: &mut TenantRow| {
            row.changed_index = event.index;
            match fact {
                TenantEvent::Onboarded(_) => {}
                TenantEvent::Renamed(_) => row.name_index = event.index,
                TenantEvent::Suspended(suspended) => {
                    row.state = "suspended".into();
                    row.suspend_reason = Some(suspended.reason);
                }
                TenantEvent::Resumed(_) => {
                    row.state = "active".into();
                    row.suspend_reason = None;
                }
            }
        })?;
        if found { Ok(()) } else { Err(FoldError::poison(format!("tenant {tenant} was never onboarded"))) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{given, minute, tenant};

    const TENANT_1: &str = "tenant-0190aaaa-0000-7000-8000-000000000001";

    #[test]
    fn a_tenant_is_active_unless_it_is_suspended() {
        let onboarded =
            json!({ "slot": 3, "genesis": "g".repeat(43), "checkpoint_vkey": "a+b+c", "region": "eu" });
        let mut events =
            vec![(TENANT_1, "tenant.onboarded", onboarded), (TENANT_1, "tenant.renamed", json!({}))];
        let row = given(&events).only::<TenantRow>(&tenant("t"));
        assert_eq!((row.tenant.as_str(), row.slot, &*row.state), (&TENANT_1["tenant-".len()..], 3, "active"));
        assert_eq!((row.onboarded_at, row.contact_index, row.name_index), (minute(0), 0, 1));
        events.push((TENANT_1, "tenant.suspended", json!({ "reason": "security" })));
        let row = given(&events).only::<TenantRow>(&tenant("t"));
        assert_eq!((&*row.state, row.suspend_reason), ("suspended", Some(SuspendReason::Security)));
        events.push((TENANT_1, "tenant.resumed", json!({})));
        let row = given(&events).only::<TenantRow>(&tenant("t"));
        assert_eq!((&*row.state, row.suspend_reason, row.changed_index), ("active", None, 3));
    }
}
