//! Encrypted blobs: one file each, durable with its name before it is acknowledged.
//!
//! ```text
//! blobs/t-<tenant>/<id>    complete, never replaced
//! blobs/incoming/<n>       being written; what a crash leaves is removed at the next start
//! ```

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::ids::TenantId;
use ledger_store::{BlobId, IDS_MAX, PutOutcome, StoreError};

use crate::error::CoreError;

const INCOMING: &str = "incoming";

/// The directory of blobs.
#[derive(Debug)]
pub(crate) struct Blobs {
    root: PathBuf,
    next: AtomicU64,
}

impl Blobs {
    /// Makes the directory if there is none, and clears what a crash has left half written.
    pub fn open(root: PathBuf) -> std::io::Result<Self> {
        absent_is(std::fs::remove_dir_all(root.join(INCOMING)), ())?;
        std::fs::create_dir_all(root.join(INCOMING))?;
        sync_parent(&root)?;
        Ok(Self { root, next: AtomicU64::new(0) })
    }

    fn place(&self, tenant: &TenantId, id: &BlobId) -> PathBuf {
        // A tenant id may be `.` or `..`; a prefix makes it a name.
        self.root.join(format!("t-{tenant}")).join(id.as_str())
    }

    pub async fn put(
        &self,
        tenant: &TenantId,
        id: &BlobId,
        ciphertext: Vec<u8>,
    ) -> Result<PutOutcome, StoreError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let fresh = self.root.join(INCOMING).join(number.to_string());
        let (root, place) = (self.root.clone(), self.place(tenant, id));
        blocking(move || {
            let stored = put(&root, &place, &fresh, &ciphertext);
            absent_is(std::fs::remove_file(&fresh), ())?;
            stored
        })
        .await
    }

    pub async fn get(&self, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, StoreError> {
        let place = self.place(tenant, id);
        blocking(move || absent_is(std::fs::read(place).map(Some), None)).await
    }

    /// The ids of a tenant's blobs after one of them, in order.
    pub async fn list(&self, tenant: &TenantId, after: Option<&BlobId>) -> Result<Vec<BlobId>, StoreError> {
        let (directory, after) = (self.root.join(format!("t-{tenant}")), after.cloned());
        blocking(move || {
            let mut ids = Vec::new();
            for entry in absent_is(std::fs::read_dir(directory).map(Some), None)?.into_iter().flatten() {
                let id = BlobId::new(&entry?.file_name().to_string_lossy());
                ids.extend(id.filter(|id| after.as_ref().is_none_or(|after| id > after)));
            }
            ids.sort_unstable();
            ids.truncate(IDS_MAX);
            Ok(ids)
        })
        .await
    }

    pub async fn delete(&self, tenant: &TenantId, id: &BlobId) -> Result<bool, StoreError> {
        let place = self.place(tenant, id);
        blocking(move || {
            let deleted = absent_is(std::fs::remove_file(&place).map(|()| true), false)?;
            if deleted {
                sync_parent(&place)?;
            }
            Ok(deleted)
        })
        .await
    }
}

fn absent_is<T>(outcome: std::io::Result<T>, absent: T) -> std::io::Result<T> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(absent),
        other => other,
    }
}

fn put(root: &Path, place: &Path, fresh: &Path, ciphertext: &[u8]) -> std::io::Result<PutOutcome> {
    let directory = place.parent().unwrap_or(root);
    if !directory.try_exists()? {
        std::fs::create_dir_all(directory)?;
        sync_parent(directory)?;
    }
    let mut file = File::create(fresh)?;
    file.write_all(ciphertext)?;
    file.sync_all()?;
    // A link, unlike a rename, never replaces what another writer has put there.
    match std::fs::hard_link(fresh, place) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(PutOutcome::Existing),
        Err(error) => return Err(error),
    }
    sync_parent(place)?;
    Ok(PutOutcome::Stored)
}

/// A name is durable once its directory is.
fn sync_parent(of: &Path) -> std::io::Result<()> {
    match of.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
    done.map_err(|error| CoreError::Io(error).nothing_happened())
}
