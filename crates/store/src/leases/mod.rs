//! Leases: of what one process at a time may do, who does it.
//!
//! A lease is held for a while and kept by holding it again. Each new holder gets a larger epoch, and a place is kept
//! only under the epoch that is in force: a holder that stood still and lost its lease without noticing changes nothing.

mod duties;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

pub use duties::Duties;

use crate::error::StoreError;

/// A lease as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is done by one.
    pub name: String,
    /// Who does it.
    pub holder: String,
    /// How often the holder has changed, from 1.
    pub epoch: u64,
}

/// The leases of all processes on one store.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Takes leases that nobody holds and keeps those that `holder` has, for `ttl` from now by the store's clock. One
    /// answer for each name, in order: the epoch, or nothing if another holds it.
    ///
    /// # Errors
    /// The storage's failure: what was held before still is, until its time is over.
    async fn hold(
        &self,
        names: &[String],
        holder: &str,
        ttl: Duration,
    ) -> Result<Vec<Option<u64>>, StoreError>;

    /// Gives leases back, so that others need not wait.
    ///
    /// # Errors
    /// The storage's failure: they end by themselves.
    async fn release(&self, names: &[String], holder: &str) -> Result<(), StoreError>;

    /// The leases that are in force, by name.
    ///
    /// # Errors
    /// The storage's failure.
    async fn leases(&self) -> Result<Vec<Lease>, StoreError>;

    /// How far the holders of a lease have come; empty before the first.
    ///
    /// # Errors
    /// The storage's failure.
    async fn place(&self, name: &str) -> Result<Vec<u8>, StoreError>;

    /// Keeps how far the holder has come. `false`: the epoch is no longer in force, and nothing was kept.
    ///
    /// # Errors
    /// The storage's failure.
    async fn keep_place(&self, name: &str, epoch: u64, place: &[u8]) -> Result<bool, StoreError>;
}

/// Leases where one process alone can have the store: it gets what it asks for. Places lie in files.
#[derive(Debug)]
pub struct SoleProcess {
    dir: PathBuf,
    held: Mutex<BTreeMap<String, String>>,
}

impl SoleProcess {
    /// Places are kept in `dir`, one file each.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Self { dir: dir.as_ref().to_owned(), held: Mutex::default() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }
}

#[async_trait]
impl Leases for SoleProcess {
    async fn hold(
        &self,
        names: &[String],
        holder: &str,
        _ttl: Duration,
    ) -> Result<Vec<Option<u64>>, StoreError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(names
            .iter()
            .map(|name| {
                held.insert(name.clone(), holder.to_owned());
                Some(1)
            })
            .collect())
    }

    async fn release(&self, names: &[String], _holder: &str) -> Result<(), StoreError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        names.iter().for_each(|name| drop(held.remove(name)));
        Ok(())
    }

    async fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = |(name, holder): (&String, &String)| Lease {
            name: name.clone(),
            holder: holder.clone(),
            epoch: 1,
        };
        Ok(held.iter().map(lease).collect())
    }

    async fn place(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        match std::fs::read(self.file(name)) {
            Ok(place) => Ok(place),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(unavailable(&self.file(name), &error)),
        }
    }

    async fn keep_place(&self, name: &str, _epoch: u64, place: &[u8]) -> Result<bool, StoreError> {
        let file = self.file(name);
        let partial = file.with_extension("partial");
        // Not synced: a place that goes back with a power failure means going through some events again.
        std::fs::write(&partial, place)
            .and_then(|()| std::fs::rename(&partial, &file))
            .map_err(|error| unavailable(&file, &error))?;
        Ok(true)
    }
}

fn unavailable(file: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable { reason: format!("{}: {error}", file.display()) }
}
