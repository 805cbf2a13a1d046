//! A pool of reading connections to one generation.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use ledger_store::views::ViewError;
use rusqlite::Connection;

use super::files;

/// Reading connections of one generation. More would only wait for the same few cores, and each has its own page cache.
const READERS_MAX: usize = 4;

/// Connections that are lent out one by one, opened as they are first needed.
pub struct Readers {
    path: PathBuf,
    state: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
}

impl Readers {
    /// Reads this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::new(Pool::default()), returned: Condvar::new() }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from one state of the file; waits while all connections are lent out.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let connection = self.take()?;
        let result = snapshot(&connection, read);
        let mut pool = self.pool();
        if result.as_ref().is_err_and(|error| matches!(error, ViewError::Unavailable(_))) {
            // Whatever happened to it: the next reader opens a fresh one.
            pool.open -= 1;
        } else {
            pool.idle.push(connection);
        }
        drop(pool);
        self.returned.notify_one();
        result
    }

    fn take(&self) -> Result<Connection, ViewError> {
        let mut pool = self.pool();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(connection);
            }
            if pool.open < READERS_MAX {
                pool.open += 1;
                drop(pool);
                return files::open_reader(&self.path).inspect_err(|_| {
                    self.pool().open -= 1;
                    self.returned.notify_one();
                });
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Everything that `read` reads, it reads from one state.
fn snapshot<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, ViewError>,
) -> Result<T, ViewError> {
    // The first read fixes the state.
    connection.execute_batch("BEGIN; SELECT 1 FROM \"meta\" LIMIT 1").map_err(super::view_error)?;
    let result = read(connection);
    connection.execute_batch("ROLLBACK").map_err(super::view_error)?;
    result
}
