//! Event types with stream categories, and tenants, as the small numbers that rows carry.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use ledger::ids::TenantId;
use tokio_postgres::Client;

use crate::error::PgError;

/// Names by number. Only grows; other processes add to it, so an unknown number is looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub kinds: HashMap<i32, Kind>,
    pub tenants: HashMap<i32, TenantId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub event_type: Arc<str>,
    pub category: Arc<str>,
}

/// Shared by the committer and the readers.
pub(crate) type SharedNames = Arc<RwLock<Arc<Names>>>;

/// What is known now.
pub(crate) fn known(names: &SharedNames) -> Arc<Names> {
    names.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Makes what was read known to all.
pub(crate) fn publish(names: &SharedNames, fresh: Arc<Names>) {
    *names.write().unwrap_or_else(PoisonError::into_inner) = fresh;
}

/// Reads all names. Inside a transaction they may be its own: publish them after its commit.
pub(crate) async fn load(client: &Client) -> Result<Arc<Names>, PgError> {
    let mut fresh = Names::default();
    for row in client.query("SELECT kind, type, category FROM kinds", &[]).await? {
        let kind = Kind { event_type: row.get::<_, &str>(1).into(), category: row.get::<_, &str>(2).into() };
        fresh.kinds.insert(row.get(0), kind);
    }
    for row in client.query("SELECT log, tenant FROM logs", &[]).await? {
        let tenant = TenantId::new(row.get::<_, &str>(1)).map_err(|e| PgError::Corrupt(e.to_string()))?;
        fresh.tenants.insert(row.get(0), tenant);
    }
    Ok(Arc::new(fresh))
}
