//! Anchoring: the system log carries, from time to time, one root over the latest checkpoints of all tenants.
//!
//! Leaf `slot` of that tree is `H(0x00 ‖ checkpoint text)` of the tenant with this slot, the empty text where there is
//! none. So only the system log needs witnesses, and an export proves its tenant's checkpoint without a word about
//! another tenant: the path has hashes alone.

mod file;

use serde::{Deserialize, Serialize};

pub use file::{AnchorError, AnchorFile, VerifiedAnchor};

use crate::b64;
use crate::merkle::{Hash, HashReader, MemoryTree, leaf_hash};
use crate::proof::{self, ProofError};

/// The type of the event in the system log.
pub const ANCHORED: &str = "ledger.anchored.v1";

/// Data of [`ANCHORED`]. Members stand in the order of RFC 8785.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorData {
    /// The root over the slots, base64.
    pub root: String,
    /// The number of slots.
    pub slots: u64,
}

/// The tree over the tenants' latest checkpoints.
#[derive(Debug, Clone, Default)]
pub struct AnchorTree(MemoryTree);

impl AnchorTree {
    /// The tree over the texts by slot, `None` where a slot has no checkpoint yet.
    pub fn new<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        Self(texts.into_iter().map(slot_leaf).collect())
    }

    /// The tree over leaves that were kept.
    pub fn of_leaves(leaves: impl IntoIterator<Item = Hash>) -> Self {
        Self(leaves.into_iter().collect())
    }

    /// What the event says.
    pub fn data(&self) -> AnchorData {
        AnchorData { root: b64::encode(self.0.root()), slots: self.0.size() }
    }

    /// The path from a slot to the root.
    ///
    /// # Errors
    /// [`ProofError::Range`] if there is no such slot.
    pub fn path(&self, slot: u64) -> Result<Vec<Hash>, ProofError<<MemoryTree as HashReader>::Error>> {
        proof::inclusion(slot, self.0.size(), &self.0)
    }
}

/// The leaf of a slot.
pub fn slot_leaf(checkpoint_text: Option<&str>) -> Hash {
    leaf_hash(checkpoint_text.unwrap_or("").as_bytes())
}

#[cfg(test)]
mod tests;
