//! A connection of the read models and its prepared statements.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ledger_store::views::ViewError;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use crate::connect::{connect, full};
use crate::options::PostgresOptions;

/// Statements kept prepared on one connection. Their number depends on the tables and on which filters are asked
/// together, so it is small; beyond this they are forgotten all at once.
const STATEMENTS_MAX: usize = 512;

/// How the planner is told to go. Rows are always walked along an index that begins with what is fixed, and looked at
/// in its order until the page is full: whatever else it might find cheaper on average (sorting, scanning, bitmaps)
/// takes as long as the table is large. A plan is made for the values at hand, never for any values.
const PLANNER: &str = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET max_parallel_workers_per_gather = 0;
    SET jit = off; SET plan_cache_mode = force_custom_plan";

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading alone: anything else is refused by the server.
    Read,
    /// Writing rows. Read models may lose their last commits in a power failure, rows and position together, so a
    /// commit does not wait for the disk.
    Write,
    /// Which generations there are: durable when it is answered.
    Manage,
}

/// A connection and its prepared statements.
pub(crate) struct Link {
    pub client: Client,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Link {
    /// Opens a connection.
    pub async fn open(options: &PostgresOptions, purpose: Purpose) -> Result<Self, ViewError> {
        let unavailable = |error: crate::OpenError| ViewError::Unavailable(error.to_string());
        let client = connect(options).await.map_err(unavailable)?;
        client.batch_execute(PLANNER).await.map_err(view_error)?;
        let own = match purpose {
            Purpose::Read => "SET default_transaction_read_only = on",
            Purpose::Write => "SET synchronous_commit = off",
            Purpose::Manage => "",
        };
        client.batch_execute(own).await.map_err(view_error)?;
        Ok(Self { client, statements: Mutex::default() })
    }

    /// The prepared form of a statement.
    pub async fn prepared(&self, sql: &str) -> Result<Statement, ViewError> {
        if let Some(known) = self.lock().get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await.map_err(view_error)?;
        let mut statements = self.lock();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What PostgreSQL says, as the contract says it.
#[expect(clippy::needless_pass_by_value, reason = "it stands behind `map_err`")]
pub(crate) fn view_error(error: tokio_postgres::Error) -> ViewError {
    let text = full(&error);
    match error.code() {
        Some(&SqlState::DISK_FULL) => ViewError::Full(text),
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => ViewError::Corrupt(text),
        // Its tables went with the generation, while this process could not be asked whether it still reads them.
        Some(&SqlState::UNDEFINED_TABLE) => ViewError::Unavailable(format!("replaced by newer ones: {text}")),
        _ => ViewError::Unavailable(text),
    }
}

/// A stored value that cannot be what was stored.
#[expect(clippy::needless_pass_by_value, reason = "it stands behind `map_err`")]
pub(crate) fn corrupt(error: tokio_postgres::Error) -> ViewError {
    ViewError::Corrupt(error.to_string())
}
