//! Event types with stream categories, and tenants, as the small numbers that rows carry.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::ids::TenantId;
use rusqlite::{Connection, params};

/// What readers need to name what rows number. Only grows; a number never changes its meaning.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub kinds: HashMap<i64, Kind>,
    pub tenants: HashMap<i64, TenantId>,
}

#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub event_type: Arc<str>,
    pub category: Arc<str>,
}

impl Names {
    pub fn load(conn: &Connection) -> Result<Self, rusqlite::Error> {
        let mut names = Self::default();
        let mut query = conn.prepare("SELECT kind, type, category FROM kinds")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let kind = Kind {
                event_type: row.get::<_, String>(1)?.into(),
                category: row.get::<_, String>(2)?.into(),
            };
            names.kinds.insert(row.get(0)?, kind);
        }
        let mut query = conn.prepare("SELECT log, tenant FROM logs")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let tenant = row.get::<_, String>(1)?;
            let tenant = TenantId::new(&tenant).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
            })?;
            names.tenants.insert(row.get(0)?, tenant);
        }
        Ok(names)
    }
}

/// The writer's way from names to numbers.
#[derive(Debug, Default)]
pub(crate) struct KindIds {
    /// By type, then by category: both are borrowed in a lookup.
    ids: HashMap<Arc<str>, HashMap<Arc<str>, i64>>,
    next: i64,
}

impl KindIds {
    pub fn of(names: &Names) -> Self {
        let mut ids = Self { ids: HashMap::new(), next: 1 };
        for (id, kind) in &names.kinds {
            ids.ids.entry(kind.event_type.clone()).or_default().insert(kind.category.clone(), *id);
            ids.next = ids.next.max(id + 1);
        }
        ids
    }

    pub fn get(&self, event_type: &str, category: &str) -> Option<i64> {
        self.ids.get(event_type)?.get(category).copied()
    }

    /// Gives a pair its number, in the open transaction.
    pub fn add(
        &mut self,
        conn: &Connection,
        event_type: &str,
        category: &str,
    ) -> Result<(i64, Kind), rusqlite::Error> {
        let id = self.next;
        conn.prepare_cached("INSERT INTO kinds (kind, type, category) VALUES (?1, ?2, ?3)")?
            .execute(params![id, event_type, category])?;
        self.next += 1;
        let kind = Kind { event_type: event_type.into(), category: category.into() };
        self.ids.entry(kind.event_type.clone()).or_default().insert(kind.category.clone(), id);
        Ok((id, kind))
    }
}
