//! What the log may say of values that it must not show: that two are the same.

use ledger::ids::TenantId;
use ledger_aggregates::ticket::{SeenField, SeenState};
use ledger_aggregates::values::{FieldName, TicketStatus, ValueMac};
use ledger_connectors::protocol::{Receipt, Snapshot, Status};
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::ApiError;

/// Makes the marks of one tenant.
pub struct Marks<'a> {
    app: &'a App,
    tenant: &'a TenantId,
}

impl<'a> Marks<'a> {
    /// Of this tenant.
    pub const fn of(app: &'a App, tenant: &'a TenantId) -> Self {
        Self { app, tenant }
    }

    /// Of a value, by its canonical form: equal values have equal marks.
    ///
    /// # Errors
    /// There is no such tenant, or the value has no canonical form.
    pub fn value(&self, value: &Value) -> Result<ValueMac, ApiError> {
        let canonical = ledger::canonical::to_canonical(value).map_err(ApiError::internal)?;
        let mac = self.app.log(self.tenant)?.keys.body_mac(canonical.as_bytes());
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        hex.parse().map_err(ApiError::internal)
    }

    /// Of a text, such as a ticket's permanent id at the other side.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn text(&self, text: &str) -> Result<ValueMac, ApiError> {
        self.value(&Value::String(text.to_owned()))
    }

    /// Of the receipts of writes; so many of them as an event takes, the newest.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn receipts(&self, receipts: &[Receipt], max: usize) -> Result<Vec<ValueMac>, ApiError> {
        let newest = receipts.len().saturating_sub(max);
        receipts[newest..].iter().map(|receipt| self.text(&receipt.0)).collect()
    }

    /// Of fields. A name that is none of ours is left out: it cannot be compared with anything.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn fields(&self, values: &Map<String, Value>, max: usize) -> Result<Vec<SeenField>, ApiError> {
        let named = values.iter().filter_map(|(name, value)| Some((name.parse::<FieldName>().ok()?, value)));
        named.take(max).map(|(field, value)| Ok(SeenField { field, mac: self.value(value)? })).collect()
    }

    /// Of a ticket as it was read.
    ///
    /// # Errors
    /// There is no such tenant.
    pub fn seen(&self, snapshot: &Snapshot, fields_max: usize) -> Result<SeenState, ApiError> {
        Ok(SeenState {
            version: self.text(&snapshot.version)?,
            rank: snapshot.rank,
            at: None,
            status: snapshot.status.map(status),
            fields: self.fields(&snapshot.fields, fields_max)?,
        })
    }
}

/// A status of the protocol in the words of the log.
const fn status(status: Status) -> TicketStatus {
    match status {
        Status::Open => TicketStatus::Open,
        Status::InProgress => TicketStatus::InProgress,
        Status::OnHold => TicketStatus::OnHold,
        Status::Resolved => TicketStatus::Resolved,
        Status::Closed => TicketStatus::Closed,
        Status::Cancelled => TicketStatus::Cancelled,
    }
}
