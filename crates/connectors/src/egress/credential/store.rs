//! Where tokens are kept. The host's store seals them; this crate only says what it needs of it.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ledger::time::Timestamp;

use crate::egress::redact::Secret;

/// What a token endpoint gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSet {
    /// Counted up with every change.
    pub version: u64,
    /// For requests.
    pub access: Secret,
    /// For the next one, if the grant has such.
    pub refresh: Option<Secret>,
    /// When the access token ends, if it was said.
    pub expires_at: Option<Timestamp>,
}

/// Why a token set was not saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    /// Another process has renewed it meanwhile: its tokens are the valid ones.
    #[error("another process has renewed the token")]
    Conflict,
    /// The store failed.
    #[error("the token could not be stored: {0}")]
    Failed(String),
}

/// Keeps the token set of one connection, sealed.
#[async_trait]
pub trait TokenStore: Send + Sync + 'static {
    /// The newest set, or none.
    async fn load(&self) -> Result<Option<TokenSet>, String>;

    /// Replaces the set of version `expected` (0: none yet). Durable before it returns: a refresh token that is used
    /// before its successor is safe is lost in a crash, and with it the whole grant.
    async fn save(&self, expected: u64, set: &TokenSet) -> Result<(), SaveError>;
}

/// Keeps it in memory, for tests and for grants that need no memory.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<Option<TokenSet>>);

impl MemoryTokens {
    /// One that holds this set already.
    pub fn holding(set: TokenSet) -> Self {
        Self(Mutex::new(Some(set)))
    }
}

#[async_trait]
impl TokenStore for MemoryTokens {
    async fn load(&self) -> Result<Option<TokenSet>, String> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, expected: u64, set: &TokenSet) -> Result<(), SaveError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().map_or(0, |held| held.version) != expected {
            return Err(SaveError::Conflict);
        }
        *held = Some(set.clone());
        Ok(())
    }
}
