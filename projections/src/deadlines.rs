//! What the scheduler asks: whose deadline has passed and was not recorded yet.
//!
//! Rows are found by an index on `due`, which empties as the deadlines are recorded: asking often costs nothing.

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query, TableDef, Test};
use ledger::time::Timestamp;
use ledger_aggregates::values::ControlRef;

use crate::controls::{CONTROL, ControlRow};
use crate::credentials::{CREDENTIAL, CredentialRow};
use crate::probes::{PROBE, ProbeRow};
use crate::reactors::{ControlDeadline, CredentialDeadline, ProbeDeadline};

/// Controls ([`ControlRow`]) that are due before a time, the most overdue first.
pub fn controls_due(tenant: &TenantId, before: Timestamp) -> Query {
    due(&CONTROL, tenant, before)
}

/// Probes ([`ProbeRow`]) that are due before a time, the most overdue first.
pub fn probes_due(tenant: &TenantId, before: Timestamp) -> Query {
    due(&PROBE, tenant, before)
}

/// Credentials ([`CredentialRow`]) that end before a time, the most overdue first. To warn in time, ask
/// [`crate::reactors::CREDENTIAL_WARNING`] ahead.
pub fn credentials_due(tenant: &TenantId, before: Timestamp) -> Query {
    due(&CREDENTIAL, tenant, before)
}

fn due(table: &'static TableDef, tenant: &TenantId, before: Timestamp) -> Query {
    Query::new(table, tenant).filter("due", Test::Below(Cell::time(before))).order_by("due")
}

impl ControlRow {
    /// Its deadline, if it is still to be recorded.
    pub fn deadline(&self, tenant: &TenantId) -> Option<ControlDeadline> {
        let control = ControlRef { framework: self.framework.clone(), control: self.control.clone() };
        self.due.map(|stale_after| ControlDeadline { tenant: tenant.clone(), control, stale_after })
    }
}

impl ProbeRow {
    /// Its deadline, if it is still to be recorded.
    pub fn deadline(&self, tenant: &TenantId) -> Option<ProbeDeadline> {
        let (tenant, probe) = (tenant.clone(), self.probe.clone());
        self.due.map(|silent_after| ProbeDeadline { tenant, probe, silent_after })
    }
}

impl CredentialRow {
    /// Its end, if it is still to be recorded.
    pub fn deadline(&self, tenant: &TenantId) -> Option<CredentialDeadline> {
        let (tenant, credential) = (tenant.clone(), self.credential.clone());
        self.due.map(|expires_at| CredentialDeadline { tenant, credential, expires_at })
    }
}
