//! Which generations this process uses, told to the other processes; and those that nobody uses any more dropped.
//!
//! A process holds an advisory lock, shared, on each generation that it reads, follows or builds. The locks belong to
//! one connection and end with it, so with the process, however that ends. Whoever gets the same lock for itself alone
//! knows that nobody uses the generation, and drops it if it is not the current one.

use std::collections::BTreeMap;

use ledger_store::views::ViewError;
use tokio::sync::{Mutex, MutexGuard};

use super::link::{Link, Purpose, corrupt, view_error};
use crate::options::PostgresOptions;

/// The first of the two numbers of a lock: `view` in ASCII. The second is the generation's.
const LOCK_CLASS: i32 = 0x7669_6577;

/// The locks of this process.
pub(crate) struct Keeper {
    options: PostgresOptions,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    link: Option<Link>,
    /// How many users each generation has here.
    held: BTreeMap<i32, usize>,
}

impl Keeper {
    /// Holds nothing.
    pub fn new(options: PostgresOptions) -> Self {
        Self { options, state: Mutex::default() }
    }

    /// The state, with a connection that holds the locks. After a lost connection they are taken again: a generation
    /// that another process has dropped in between is noticed by those who read it.
    async fn connected(&self) -> Result<MutexGuard<'_, State>, ViewError> {
        let mut state = self.state.lock().await;
        if state.link.as_ref().is_none_or(|link| link.client.is_closed()) {
            let link = Link::open(&self.options, Purpose::Manage).await?;
            let held: Vec<i32> = state.held.keys().copied().collect();
            let sql = "SELECT pg_advisory_lock_shared($1, u) FROM unnest($2::integer[]) AS u";
            link.client.query(sql, &[&LOCK_CLASS, &held]).await.map_err(view_error)?;
            state.link = Some(link);
        }
        Ok(state)
    }

    /// Takes the lock of a generation, once for each user.
    pub async fn hold(&self, generation: i32) -> Result<(), ViewError> {
        let mut state = self.connected().await?;
        if !state.held.contains_key(&generation) {
            let sql = "SELECT pg_advisory_lock_shared($1, $2)";
            state.link().client.query_one(sql, &[&LOCK_CLASS, &generation]).await.map_err(view_error)?;
        }
        *state.held.entry(generation).or_default() += 1;
        Ok(())
    }

    /// Takes the locks again if they were lost with their connection.
    pub async fn renew(&self) -> Result<(), ViewError> {
        self.connected().await.map(drop)
    }

    /// Gives the lock of a generation back, with its last user.
    pub async fn release(&self, generation: i32) -> Result<(), ViewError> {
        let mut state = self.connected().await?;
        let users = state.held.entry(generation).or_default();
        *users = users.saturating_sub(1);
        if *users == 0 {
            state.held.remove(&generation);
            let sql = "SELECT pg_advisory_unlock_shared($1, $2)";
            state.link().client.query_one(sql, &[&LOCK_CLASS, &generation]).await.map_err(view_error)?;
        }
        Ok(())
    }

    /// Drops the generations that are not current and that nobody uses. `of`: the fingerprint of the schema; those of
    /// other schemas are dropped too (even where they are current, for programs that no longer run) if `all` is set.
    pub async fn sweep(&self, of: &str, all: bool) -> Result<(), ViewError> {
        let mut state = self.connected().await?;
        let sql = "SELECT number FROM views_generations
                   WHERE (fingerprint = $1 AND NOT current) OR (fingerprint <> $1 AND ($2 OR NOT current))";
        let rows = state.link().client.query(sql, &[&of, &all]).await.map_err(view_error)?;
        for row in rows {
            let number: i32 = row.try_get(0).map_err(corrupt)?;
            if state.held.contains_key(&number) {
                continue;
            }
            if let Err(error) = drop_unused(state.link(), number, of).await {
                // The transaction stands open: the locks move to another connection.
                state.link = None;
                return Err(error);
            }
        }
        Ok(())
    }
}

impl State {
    fn link(&mut self) -> &Link {
        self.link.as_ref().expect("connected() has made one")
    }
}

async fn drop_unused(link: &Link, number: i32, of: &str) -> Result<(), ViewError> {
    let client = &link.client;
    client.batch_execute("BEGIN").await.map_err(view_error)?;
    let sql = "SELECT pg_try_advisory_xact_lock($1, $2)";
    let alone: bool = client
        .query_one(sql, &[&LOCK_CLASS, &number])
        .await
        .map_err(view_error)?
        .try_get(0)
        .map_err(corrupt)?;
    // It may have been published since it was found, before the lock was free.
    let sql = "DELETE FROM views_generations WHERE number = $1 AND (fingerprint <> $2 OR NOT current)";
    if alone && client.execute(sql, &[&number, &of]).await.map_err(view_error)? == 1 {
        let sql = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
                     AND starts_with(relname::text, $1)";
        let tables = client.query(sql, &[&format!("views_{number}_")]).await.map_err(view_error)?;
        for table in tables {
            let table: &str = table.try_get(0).map_err(corrupt)?;
            client.batch_execute(&format!("DROP TABLE {table}")).await.map_err(view_error)?;
        }
        for table in ["views_logs", "views_poisoned"] {
            let sql = format!("DELETE FROM {table} WHERE generation = $1");
            client.execute(&sql, &[&number]).await.map_err(view_error)?;
        }
    }
    client.batch_execute("COMMIT").await.map_err(view_error)
}
