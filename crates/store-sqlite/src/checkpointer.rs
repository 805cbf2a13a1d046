//! Moving the WAL into the database beside the hot path.
//!
//! SQLite would do it inside a commit of the writer. Here a thread with a connection of its own copies pages while
//! the committer goes on; a passive checkpoint blocks neither it nor the readers. Under unbroken load it never
//! catches up with the end of the WAL, so the WAL could not start over: once it is long, the committer copies the
//! few pages that are left itself, between two commits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::core::Core;
use crate::error::OpenError;
use crate::sqlite::{Role, connect};

/// Bytes after which the thread is woken.
const STEP_BYTES: usize = 12 << 20;
/// Pages in the WAL from which on the committer helps: bounds the WAL, and the time of the next start.
const WAL_PAGES_MAX: u64 = 12_288;

/// What is left of the WAL after a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wal {
    pub pages: u64,
    pub copied: u64,
}

/// Copies what it can without waiting for anybody.
pub(crate) fn checkpoint(conn: &Connection) -> Result<Wal, rusqlite::Error> {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let pages = |at| row.get::<_, i64>(at).map(|pages| u64::try_from(pages).unwrap_or(0));
        Ok(Wal { pages: pages(1)?, copied: pages(2)? })
    })
}

/// Empties the WAL and cuts its file, waiting for readers up to the busy timeout. `false`: it could not be.
pub(crate) fn truncate(conn: &Connection) -> Result<bool, rusqlite::Error> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// The thread that copies, and what the committer knows of it.
pub(crate) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    pages: Arc<AtomicU64>,
    written: usize,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub fn start(path: &Path) -> Result<Self, OpenError> {
        let conn = connect(path, Role::Checkpointer)?;
        // One wake-up waits at most: a second would find the work done.
        let (wake, woken) = sync_channel(1);
        let pages = Arc::new(AtomicU64::new(0));
        let known = pages.clone();
        let thread = std::thread::Builder::new()
            .name("checkpointer".to_owned())
            .spawn(move || run(&conn, &woken, &known))
            .map_err(|error| OpenError::Io { path: path.to_owned(), reason: error.to_string() })?;
        Ok(Self { wake: Some(wake), pages, written: 0, thread: Some(thread) })
    }

    /// Called after each commit; helps if the WAL is long.
    ///
    /// # Errors
    /// A failed copy loses nothing: the pages stay in the WAL. The committer goes on.
    pub fn after_commit(&mut self, core: &mut Core) -> Result<(), rusqlite::Error> {
        self.written += core.take_written();
        if self.written >= STEP_BYTES {
            self.written = 0;
            if self.pages.load(Ordering::Acquire) > WAL_PAGES_MAX {
                let wal = checkpoint(&core.conn)?;
                // All is copied: the next commit writes at the WAL's start. Else a reader holds it; ask again later.
                self.pages.store(if wal.copied == wal.pages { 0 } else { wal.pages }, Ordering::Release);
            }
            if let Some(wake) = &self.wake {
                // Full: the thread is about to look.
                _ = wake.try_send(());
            }
        }
        Ok(())
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn run(conn: &Connection, woken: &Receiver<()>, pages: &AtomicU64) {
    while woken.recv().is_ok() {
        // An error shows in the committer's own work, which answers callers; here the next wake-up tries again.
        if let Ok(wal) = checkpoint(conn) {
            pages.store(wal.pages, Ordering::Release);
        }
    }
}
