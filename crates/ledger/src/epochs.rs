//! The key stream of a log and its fold: entry i is valid if its kid is active after folding 0..i-1 (formats.md §3).
//!
//! One key is active at a time. Revocation is prospective; a revoked active key ends the log.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::b64;
use crate::event::Header;
use crate::ids::{IdError, StreamId, TenantId};
use crate::keys::{KeyError, Kid, PublicKey, SignatureError, verify};

mod events;

pub use events::{
    DISPUTED, DisputeReason, Disputed, GENESIS, Genesis, KEY_TYPES, KeyEvent, Predecessor, REVOKED, ROTATED,
    RevokeReason, Revoked, Rotated,
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
    /// The entry says that it belongs to another tenant.
    #[error("the entry belongs to tenant {found}, the log to {expected}")]
    Tenant {
        /// Whose log this is.
        expected: TenantId,
        /// What the header says.
        found: TenantId,
    },
    /// The kid is not the active one at this place.
    #[error("signed with key {found}, active is {}", active.map_or_else(|| "none".to_owned(), |kid| kid.to_string()))]
    NotActive {
        /// What the header says.
        found: Kid,
        /// The key that is active here; `None` after a revocation without a successor.
        active: Option<Kid>,
    },
    /// A key event whose data does not fit its type.
    #[error("key event: {0}")]
    Data(String),
    /// A key event that contradicts the state of the keys.
    #[error("key event: {0}")]
    State(&'static str),
    /// A key that is refused.
    #[error("key event: {0}")]
    Key(#[from] KeyError),
    /// A new key whose own signature over the rotation does not verify.
    #[error("key event: proof of possession: {0}")]
    Possession(#[from] SignatureError),
}

/// A range of a log that is marked as doubtful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The index of the entry that marks it.
    pub marked_at: u64,
    /// What it says.
    #[serde(flatten)]
    pub disputed: Disputed,
}

/// The keys of one log after some of its entries.
#[derive(Debug, Clone, Default)]
pub struct Epochs {
    log: Option<Log>,
    keys: HashMap<Kid, PublicKey>,
    active: Option<Kid>,
    revoked: Vec<(Kid, u64)>,
    disputes: Vec<Dispute>,
}

#[derive(Debug, Clone)]
struct Log {
    tenant: TenantId,
    stream: StreamId,
    genesis: Genesis,
}

impl Epochs {
    /// No entry yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The active key.
    pub const fn active(&self) -> Option<Kid> {
        self.active
    }

    /// A key that the log has introduced.
    pub fn key(&self, kid: Kid) -> Option<&PublicKey> {
        self.keys.get(&kid)
    }

    /// What the log's genesis says, once it was taken; after an accepted loss the successor's.
    pub fn genesis(&self) -> Option<&Genesis> {
        self.log.as_ref().map(|log| &log.genesis)
    }

    /// Revoked keys, each with the index of the entry that revoked it.
    pub fn revoked(&self) -> &[(Kid, u64)] {
        &self.revoked
    }

    /// The ranges marked as doubtful.
    pub fn disputes(&self) -> &[Dispute] {
        &self.disputes
    }

    /// Takes the next entry of the log: gives the key under which its signature must verify, and folds the
    /// entry if it is one of the key stream.
    ///
    /// The caller verifies the signature; an entry whose signature fails makes everything after it doubtful.
    ///
    /// # Errors
    /// [`EpochError`]; the state is as before.
    pub fn admit(&mut self, index: u64, header: &Header<'_>) -> Result<PublicKey, EpochError> {
        let Some(log) = &self.log else { return self.begin(header) };
        if header.tenant != log.tenant {
            return Err(EpochError::Tenant { expected: log.tenant.clone(), found: header.tenant.clone() });
        }
        let key = match self.active {
            Some(active) if active == header.kid => self.keys[&active],
            active => return Err(EpochError::NotActive { found: header.kid, active }),
        };
        let ours = header.event_type.starts_with(KEY_TYPES);
        if ours != (header.stream == log.stream) {
            return Err(EpochError::State("key events stand in the key stream, and nothing else does"));
        }
        if ours {
            let event = KeyEvent::parse(&header.event_type, header.data)?;
            self.fold(index, event)?;
        }
        Ok(key)
    }

    fn begin(&mut self, header: &Header<'_>) -> Result<PublicKey, EpochError> {
        let stream = key_stream(&header.tenant).map_err(|_| EpochError::NoGenesis)?;
        if header.event_type != GENESIS || header.stream != stream || header.seq != 0 {
            return Err(EpochError::NoGenesis);
        }
        let KeyEvent::Genesis(genesis) = KeyEvent::parse(&header.event_type, header.data)? else {
            return Err(EpochError::NoGenesis);
        };
        let key = introduced(&genesis.key, genesis.kid)?;
        if header.kid != genesis.kid {
            return Err(EpochError::State("a genesis is signed with the key that it introduces"));
        }
        self.keys.insert(key.kid(), key);
        self.active = Some(key.kid());
        self.log = Some(Log { tenant: header.tenant.clone(), stream, genesis });
        Ok(key)
    }

    fn fold(&mut self, index: u64, event: KeyEvent) -> Result<(), EpochError> {
        match event {
            KeyEvent::Genesis(genesis) => self.succeed(genesis),
            KeyEvent::Rotated(rotated) => self.rotate(&rotated),
            KeyEvent::Revoked(revoked) => self.revoke(index, revoked.kid),
            KeyEvent::Disputed(disputed) => self.dispute(index, disputed),
        }
    }

    /// A log whose loss was accepted goes on under a successor origin: a genesis that names what is known of it
    /// before, sealed with the key that is active and stays so.
    fn succeed(&mut self, genesis: Genesis) -> Result<(), EpochError> {
        let Some(log) = &mut self.log else { return Err(EpochError::NoGenesis) };
        let Some(predecessor) = &genesis.predecessor else {
            return Err(EpochError::State("a log has one genesis, unless it succeeds itself after a loss"));
        };
        if predecessor.origin != log.genesis.origin || genesis.origin == log.genesis.origin {
            return Err(EpochError::State("a successor has an origin of its own and names the one before"));
        }
        let key = introduced(&genesis.key, genesis.kid)?;
        if self.active != Some(key.kid()) {
            return Err(EpochError::State("a successor keeps the active key"));
        }
        log.genesis = genesis;
        Ok(())
    }

    fn rotate(&mut self, rotated: &Rotated) -> Result<(), EpochError> {
        if self.active != Some(rotated.old_kid) {
            return Err(EpochError::State("the old key of a rotation is the active one"));
        }
        let key = introduced(&rotated.key, rotated.kid)?;
        if self.keys.contains_key(&key.kid()) {
            return Err(EpochError::State("a key is introduced once"));
        }
        let origin = self.genesis().map_or("", |genesis| &genesis.origin);
        let statement = Rotated::statement(origin, rotated.old_kid, key.as_bytes());
        let proof = b64::decode_array(&rotated.proof);
        let proof = proof.map_err(|error| EpochError::Data(format!("proof: {error}")))?;
        verify(&key, &statement, &proof)?;
        self.keys.insert(key.kid(), key);
        self.active = Some(key.kid());
        Ok(())
    }

    fn revoke(&mut self, index: u64, kid: Kid) -> Result<(), EpochError> {
        if !self.keys.contains_key(&kid) {
            return Err(EpochError::State("a revoked key was introduced before"));
        }
        if self.revoked.iter().any(|(revoked, _)| *revoked == kid) {
            return Err(EpochError::State("a key is revoked once"));
        }
        self.revoked.push((kid, index));
        self.active = self.active.filter(|active| *active != kid);
        Ok(())
    }

    fn dispute(&mut self, index: u64, disputed: Disputed) -> Result<(), EpochError> {
        if !self.keys.contains_key(&disputed.kid) {
            return Err(EpochError::State("a disputed key was introduced before"));
        }
        if disputed.from_index > disputed.to_index || disputed.to_index >= index {
            return Err(EpochError::State("a disputed range lies before the entry that disputes it"));
        }
        self.disputes.push(Dispute { marked_at: index, disputed });
        Ok(())
    }
}

/// The key that an event introduces, its id held against it.
fn introduced(key: &str, kid: Kid) -> Result<PublicKey, EpochError> {
    let bytes = b64::decode_array(key).map_err(|_| KeyError::Length)?;
    let key = PublicKey::from_bytes(&bytes)?;
    if key.kid() == kid { Ok(key) } else { Err(EpochError::State("the kid is not the one of the key")) }
}

#[cfg(test)]
mod tests;
