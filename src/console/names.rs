//! Names of tenants: confidential in the system log, read once and kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Query};
use ledger_projections::tenants::{TENANT, TenantRow};

use super::Console;
use crate::error::ApiError;

/// Tenants that a switch offers; a deployment with more is searched through the API.
const TENANTS_OFFERED_MAX: usize = 200;

/// Names by the log index that discloses them: another name has another index.
#[derive(Debug, Default)]
pub struct Names(Mutex<HashMap<u64, String>>);

impl Names {
    fn get(&self, index: u64) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&index).cloned()
    }

    fn keep(&self, index: u64, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= 2 * TENANTS_OFFERED_MAX {
            names.clear();
        }
        names.insert(index, name.to_owned());
    }
}

impl Console {
    /// What people call a tenant; its id where no name is disclosed.
    ///
    /// # Errors
    /// The read models or the store.
    pub async fn tenant_name(&self, tenant: &TenantId) -> Result<String, ApiError> {
        let row: Option<TenantRow> = self.row(&TenantId::system(), vec![Cell::id(tenant.as_str())]).await?;
        match row {
            Some(row) => self.name_of(&row).await,
            None => Ok(tenant.to_string()),
        }
    }

    /// All tenants by name, up to a bound.
    ///
    /// # Errors
    /// The read models or the store.
    pub async fn tenant_names(&self) -> Result<Vec<(TenantId, String)>, ApiError> {
        let query = Query::new(&TENANT, &TenantId::system()).order_by("slot").limit(TENANTS_OFFERED_MAX);
        let mut named = Vec::new();
        for row in self.rows::<TenantRow>(query, None).await?.rows {
            let name = self.name_of(&row).await?;
            named.push((row.tenant, name));
        }
        Ok(named)
    }

    /// The name of a row.
    ///
    /// # Errors
    /// The store.
    pub async fn name_of(&self, row: &TenantRow) -> Result<String, ApiError> {
        if let Some(name) = self.names.get(row.name_index) {
            return Ok(name);
        }
        let mut texts = self.texts(&TenantId::system(), &[row.name_index], "display_name").await?;
        let name = texts.remove(&row.name_index).unwrap_or_else(|| row.tenant.to_string());
        self.names.keep(row.name_index, &name);
        Ok(name)
    }
}
