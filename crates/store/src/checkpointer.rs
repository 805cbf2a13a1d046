//! Signs the heads of logs that grew: at the latest [`SIGN_EVERY`] after an append (formats.md §4).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ledger::checkpoint::Checkpoint;
use ledger::ids::TenantId;
use tokio::sync::watch;

use crate::keyring::Keyring;
use crate::{EventStore, Read, SideStore, StoreError, StoredCheckpoint};

/// How long an append waits for its checkpoint at the most; many appends share one.
pub const SIGN_EVERY: Duration = Duration::from_millis(100);

/// Signs checkpoints. One of a store: the holder of its lease.
pub struct Checkpointer {
    store: Arc<dyn EventStore>,
    side: Arc<dyn SideStore>,
    keyring: Arc<Keyring>,
    signed: HashMap<TenantId, u64>,
    /// Up to this position of the store everything is signed.
    seen: u64,
}

impl std::fmt::Debug for Checkpointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpointer").field("signed", &self.signed).finish_non_exhaustive()
    }
}

impl Checkpointer {
    /// A checkpointer that has signed nothing yet.
    pub fn new(store: Arc<dyn EventStore>, side: Arc<dyn SideStore>, keyring: Arc<Keyring>) -> Self {
        Self { store, side, keyring, signed: HashMap::new(), seen: 0 }
    }

    /// Signs every log that grew since its last checkpoint; the number that were signed.
    ///
    /// # Errors
    /// The store's; what was signed before stays, and what was not is tried the next time.
    pub async fn sign_grown(&mut self) -> Result<usize, StoreError> {
        let position = *self.store.subscribe().borrow();
        let mut count = 0;
        for tenant in self.grown(position).await? {
            if self.sign(&tenant).await? {
                count += 1;
            }
        }
        self.seen = position;
        Ok(count)
    }

    /// The tenants whose logs may have grown: those of the new events, or all if that is less to look at.
    async fn grown(&self, position: u64) -> Result<BTreeSet<TenantId>, StoreError> {
        let all = self.keyring.tenants();
        let new = position.saturating_sub(self.seen);
        if self.seen == 0 || new >= all.len() as u64 {
            return Ok(all);
        }
        let (mut tenants, mut from) = (BTreeSet::new(), self.seen + 1);
        while from <= position {
            let page = self.store.read(Read::all(from).limit(all.len())).await?;
            from = page.next;
            let end = page.end;
            tenants.extend(page.into_iter().map(|event| event.tenant));
            if end {
                break;
            }
        }
        Ok(tenants)
    }

    /// Signs one log, if it grew.
    ///
    /// # Errors
    /// The store's.
    pub async fn sign(&mut self, tenant: &TenantId) -> Result<bool, StoreError> {
        let Some(keys) = self.keyring.log(tenant) else { return Ok(false) };
        let Some(head) = self.store.log_head(tenant).await? else { return Ok(false) };
        let last = match self.signed.get(tenant) {
            Some(size) => *size,
            None => self.side.checkpoint(tenant).await?.map_or(0, |kept| kept.size),
        };
        self.signed.insert(tenant.clone(), last);
        if head.size <= last {
            return Ok(false);
        }
        let checkpoint = Checkpoint { origin: keys.origin.clone(), size: head.size, root: head.root };
        let note = checkpoint
            .sign(keys.checkpoint_signer())
            .map_err(|error| StoreError::corrupt(format!("checkpoint of {tenant}: {error}")))?;
        let stored = StoredCheckpoint { size: head.size, note: note.to_string() };
        self.side.put_checkpoint(tenant, stored).await?;
        self.signed.insert(tenant.clone(), head.size);
        Ok(true)
    }

    /// Signs until `stop` turns true, then once more; `failed` hears of errors, after which it goes on.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>, failed: impl Fn(&StoreError) + Send) {
        let mut grown = self.store.subscribe();
        grown.mark_changed();
        loop {
            let stopping = tokio::select! {
                changed = grown.changed() => changed.is_err(),
                _ = stop.wait_for(|stop| *stop) => true,
            };
            if !stopping {
                tokio::select! {
                    () = tokio::time::sleep(SIGN_EVERY) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            }
            grown.borrow_and_update();
            if let Err(error) = self.sign_grown().await {
                failed(&error);
                // What could not be signed now is signed after the next rest.
                grown.mark_changed();
            }
            if stopping || *stop.borrow() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
