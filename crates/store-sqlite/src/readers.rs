//! Connections that read, off the async threads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ledger_store::StoreError;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{CoreError, OpenError};
use crate::sqlite::{Role, connect};

/// A pool of read-only connections; a read waits until one is free.
pub(crate) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub fn open(path: &Path, count: usize) -> Result<Self, OpenError> {
        let count = count.max(1);
        let free = (0..count).map(|_| connect(path, Role::Reader)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { free: Arc::new(Mutex::new(free)), permits: Arc::new(Semaphore::new(count)) })
    }

    /// Runs a read on a connection of its own, in one snapshot of the database.
    pub async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let free = self.free.clone();
        let task = tokio::task::spawn_blocking(move || {
            let conn = lock(&free).pop().expect("a permit stands for a free connection");
            let lease = Lease { conn: Some(conn), free, _permit: permit };
            in_snapshot(lease.conn.as_ref().expect("a lease has its connection until it ends"), read)
        });
        let answer = task.await.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
        answer.map_err(|error| error.nothing_happened())
    }
}

/// Gives the connection back whatever happens, before the permit.
struct Lease {
    conn: Option<Connection>,
    free: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&self.free).extend(self.conn.take());
    }
}

fn lock(free: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    free.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Several statements see one state: what lies between them in a log that grows would contradict itself.
fn in_snapshot<T>(
    conn: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, CoreError>,
) -> Result<T, CoreError> {
    conn.prepare_cached("BEGIN")?.execute([])?;
    let answer = read(conn);
    conn.prepare_cached("ROLLBACK")?.execute([])?;
    answer
}
