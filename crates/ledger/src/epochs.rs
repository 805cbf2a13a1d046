//! The key stream of a log and its fold: entry i is valid if its kid is active after folding 0..i-1 (formats.md §3).
//!
//! One key is active at a time. Revocation is prospective; a revoked active key ends the log.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::event::Header;
use crate::ids::{IdError, StreamId, TenantId};
use crate::keys::{KeyError, Kid, PublicKey};

mod events;

pub use events::{
    DISPUTED, DisputeReason, Disputed, GENESIS, Genesis, Predecessor, REVOKED, ROTATED, RevokeReason,
    Revoked, Rotated,
};

/// The category of key streams.
pub const KEY_CATEGORY: &str = "key";

/// The key stream of a tenant's log: `key-<tenant>`.
///
/// # Errors
/// [`IdError`] if the tenant id is too long to stand in a stream id (it is not).
pub fn key_stream(tenant: &TenantId) -> Result<StreamId, IdError> {
    StreamId::of(KEY_CATEGORY, tenant)
}

/// An entry that the keys of its log do not vouch for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// Entry 0 is not a genesis in the key stream.
    #[error("the first entry of a log must be the genesis of its key stream")]
    NoGenesis,
    /// The kid is not the active one at this place.
    #[error("signed with key {found}, active is {active:?}")]
    NotActive {
        /// What the header says.
        found: Kid,
        /// The key that is active here.
        active: Option<Kid>,
    },
    /// A key event whose data does not fit its type.
    #[error("key event: {0}")]
    Data(String),
    /// A key event that contradicts the state of the keys.
    #[error("key event: {0}")]
    State(&'static str),
    /// A key that is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A range of a log that is marked as doubtful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The index of the entry that marks it.
    pub marked_at: u64,
    /// The key in doubt.
    pub kid: Kid,
    /// First index in doubt.
    pub from_index: u64,
    /// Last index in doubt.
    pub to_index: u64,
}

/// The keys of one log after some of its entries.
#[derive(Debug, Clone, Default)]
pub struct Epochs {
    origin: String,
    keys: HashMap<Kid, PublicKey>,
    active: Option<Kid>,
    disputes: Vec<Dispute>,
}

impl Epochs {
    /// The active key.
    pub fn active(&self) -> Option<Kid> {
        self.active
    }

    /// A key that the log has introduced.
    pub fn key(&self, kid: Kid) -> Option<&PublicKey> {
        self.keys.get(&kid)
    }

    /// The origin that genesis names.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The ranges marked as doubtful.
    pub fn disputes(&self) -> &[Dispute] {
        &self.disputes
    }

    /// Takes the next entry of the log: gives the key under which its signature must verify, and folds the
    /// entry if it is one of the key stream.
    ///
    /// # Errors
    /// [`EpochError`]; the state is as before.
    pub fn admit(&mut self, _index: u64, _header: &Header<'_>) -> Result<PublicKey, EpochError> {
        Err(EpochError::NoGenesis)
    }
}
