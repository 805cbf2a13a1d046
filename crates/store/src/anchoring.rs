//! Anchors: one root over the latest checkpoints of all tenants, for the system log to carry (formats.md §3).
//!
//! The set of leaves is kept before the event is appended, so that a path can be made for every anchor that the
//! log has. The event itself is the domain's: [`Anchorer::run`] hands its data to the caller.

use std::sync::Arc;
use std::time::Duration;

use ledger::anchor::{AnchorData, AnchorTree};
use ledger::b64;
use ledger::ids::TenantId;
use ledger::merkle::Hash;
use ledger::note::Note;
use tokio::sync::watch;

use crate::{AnchorLeaf, AnchorSet, LogInfo, SideStore, StoreError};

/// At most so often: each anchor is an event, and a leaf set as large as the tenants are many.
pub const ANCHOR_EVERY: Duration = Duration::from_secs(60);

/// Gathers the tenants' checkpoints. One of a store: the holder of its lease.
pub struct Anchorer {
    side: Arc<dyn SideStore>,
    last: Option<Hash>,
}

/// A tenant's place under an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorPath {
    /// The tenant's slot.
    pub slot: u32,
    /// The text of its checkpoint that was anchored.
    pub checkpoint: String,
    /// The hashes from the slot to the root.
    pub path: Vec<Hash>,
}

impl std::fmt::Debug for Anchorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Anchorer").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Anchorer {
    /// One that has anchored nothing since the start; the domain knows the last root from the log.
    pub fn new(side: Arc<dyn SideStore>) -> Self {
        Self { side, last: None }
    }

    /// Gathers and keeps the leaves; `None`: no checkpoint has changed since the last anchor, or there is none.
    ///
    /// # Errors
    /// The store's; nothing is anchored then.
    pub async fn gather(&self) -> Result<Option<AnchorData>, StoreError> {
        let mut leaves = Vec::new();
        let logs = self.side.logs().await?;
        for LogInfo { tenant, slot, .. } in &logs {
            let Some(slot) = *slot else { continue };
            if let Some(text) = self.text(tenant).await? {
                leaves.push(AnchorLeaf { slot, text });
            }
        }
        if leaves.is_empty() {
            return Ok(None);
        }
        let slots = logs.iter().filter_map(|log| log.slot).max().map_or(0, |slot| slot + 1);
        let data = tree(slots, &leaves).data();
        let root: Hash = b64::decode_array(&data.root)
            .map_err(|error| StoreError::corrupt(format!("the root of an anchor: {error}")))?;
        if self.last == Some(root) {
            return Ok(None);
        }
        self.side.put_anchor(AnchorSet { root, leaves }).await?;
        Ok(Some(data))
    }

    /// The event that carries this anchor is in the system log.
    ///
    /// # Errors
    /// `Invalid` if the root is none.
    pub fn anchored(&mut self, data: &AnchorData) -> Result<(), StoreError> {
        let root = b64::decode_array(&data.root).map_err(|error| StoreError::invalid(error.to_string()))?;
        self.last = Some(root);
        Ok(())
    }

    async fn text(&self, tenant: &TenantId) -> Result<Option<String>, StoreError> {
        let Some(kept) = self.side.checkpoint(tenant).await? else { return Ok(None) };
        let note = Note::parse(kept.note.as_bytes())
            .map_err(|error| StoreError::corrupt(format!("the checkpoint of {tenant}: {error}")))?;
        Ok(Some(note.text().to_owned()))
    }

    /// Anchors until `stop` turns true. `commit` appends the event and says whether it did; what it could not do
    /// is done the next time. `failed` hears of the store's errors.
    pub async fn run<F: Future<Output = bool> + Send>(
        mut self,
        every: Duration,
        mut stop: watch::Receiver<bool>,
        commit: impl Fn(AnchorData) -> F + Send,
        failed: impl Fn(&StoreError) + Send,
    ) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            match self.gather().await {
                Ok(None) => {}
                Ok(Some(data)) => {
                    if commit(data.clone()).await
                        && let Err(error) = self.anchored(&data)
                    {
                        failed(&error);
                    }
                }
                Err(error) => failed(&error),
            }
        }
    }
}

/// A tenant's path to an anchored root, for its export; `None`: it had no checkpoint then, or the set is gone.
///
/// # Errors
/// The store's, or a set that does not have the root that it is kept under.
pub async fn anchor_path(
    side: &dyn SideStore,
    slot: u32,
    data: &AnchorData,
) -> Result<Option<AnchorPath>, StoreError> {
    let root = b64::decode_array(&data.root).map_err(|error| StoreError::invalid(error.to_string()))?;
    let Some(set) = side.anchor(&root).await? else { return Ok(None) };
    let Some(leaf) = set.leaves.iter().find(|leaf| leaf.slot == slot) else { return Ok(None) };
    let slots = u32::try_from(data.slots).map_err(|_| StoreError::corrupt("an anchor over 2^32 slots"))?;
    let tree = tree(slots, &set.leaves);
    if tree.data() != *data {
        return Err(StoreError::corrupt(format!(
            "the leaves kept for the anchor {} have another root",
            data.root
        )));
    }
    let path = tree.path(u64::from(slot)).map_err(|error| StoreError::corrupt(error.to_string()))?;
    Ok(Some(AnchorPath { slot, checkpoint: leaf.text.clone(), path }))
}

fn tree(slots: u32, leaves: &[AnchorLeaf]) -> AnchorTree {
    let mut texts = vec![None; slots as usize];
    for leaf in leaves {
        if let Some(text) = texts.get_mut(leaf.slot as usize) {
            *text = Some(leaf.text.as_str());
        }
    }
    AnchorTree::new(texts)
}

#[cfg(test)]
mod tests;
