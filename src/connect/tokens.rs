//! The tokens of OAuth connections, sealed beside the log: a new set is durable before it is used.
//!
//! Each set lies under its own version, which is written once. So two processes that renew at the same time cannot both
//! win, and a crash never leaves a set half written.

use std::sync::Arc;

use async_trait::async_trait;
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_connectors::egress::Secret;
use ledger_connectors::egress::credential::{SaveError, TokenSet, TokenStore};
use ledger_store::keyring::Keyring;
use ledger_store::{PutOutcome, SecretKey, SecretKind, SideStore};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The token set of one connection as one client of one token endpoint.
pub struct SealedTokens {
    tenant: TenantId,
    prefix: String,
    keyring: Arc<Keyring>,
    side: Arc<dyn SideStore>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    access: String,
    refresh: Option<String>,
    expires_at_us: Option<i64>,
}

impl SealedTokens {
    /// The set of this integration. Another endpoint or client is another set: a token of the one before is worth nothing
    /// to it.
    pub fn new(
        tenant: &TenantId,
        integration: &str,
        client: &[&str],
        keyring: Arc<Keyring>,
        side: Arc<dyn SideStore>,
    ) -> Self {
        let digest = Sha256::digest(client.join("\n"));
        let client: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let prefix = format!("connection-token.{integration}.{client}.");
        Self { tenant: tenant.clone(), prefix, keyring, side }
    }

    fn id(&self, version: u64) -> String {
        format!("{}{version}", self.prefix)
    }

    async fn versions(&self) -> Result<Vec<u64>, String> {
        let all =
            self.side.secrets(&self.tenant, SecretKind::Other).await.map_err(|error| error.to_string())?;
        Ok(all.iter().filter_map(|(id, _)| id.strip_prefix(&self.prefix)?.parse().ok()).collect())
    }

    async fn read(&self, version: u64) -> Result<Option<TokenSet>, String> {
        let id = self.id(version);
        let bytes = self.keyring.get(&self.tenant, SecretKind::Other, &id).await;
        let Some(bytes) = bytes.map_err(|error| error.to_string())? else { return Ok(None) };
        let sealed: Sealed = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        Ok(Some(TokenSet {
            version,
            access: Secret::new(sealed.access),
            refresh: sealed.refresh.map(Secret::new),
            expires_at: sealed.expires_at_us.map(Timestamp::from_micros),
        }))
    }
}

#[async_trait]
impl TokenStore for SealedTokens {
    async fn load(&self) -> Result<Option<TokenSet>, String> {
        match self.versions().await?.into_iter().max() {
            Some(newest) => self.read(newest).await,
            None => Ok(None),
        }
    }

    async fn save(&self, expected: u64, set: &TokenSet) -> Result<(), SaveError> {
        let sealed = Sealed {
            access: set.access.expose().to_owned(),
            refresh: set.refresh.as_ref().map(|token| token.expose().to_owned()),
            expires_at_us: set.expires_at.map(Timestamp::micros),
        };
        let bytes =
            Zeroizing::new(serde_json::to_vec(&sealed).map_err(|e| SaveError::Failed(e.to_string()))?);
        let versions = self.versions().await.map_err(SaveError::Failed)?;
        if versions.iter().copied().max().unwrap_or(0) != expected || set.version != expected + 1 {
            return Err(SaveError::Conflict);
        }
        let failed = |error: &dyn std::fmt::Display| SaveError::Failed(error.to_string());
        let kept = self.keyring.put(&self.tenant, SecretKind::Other, &self.id(set.version), &bytes).await;
        if kept.map_err(|error| failed(&error))? == PutOutcome::Existing {
            return Err(SaveError::Conflict);
        }
        for old in versions {
            let key = SecretKey { tenant: self.tenant.clone(), kind: SecretKind::Other, id: self.id(old) };
            self.side.delete_secret(&key).await.map_err(|error| failed(&error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ledger::clock::OsEntropy;
    use ledger::secretbox::Kek;
    use ledger_store::MemoryStore;

    use super::*;

    fn set(version: u64, access: &str) -> TokenSet {
        TokenSet { version, access: Secret::new(access), refresh: Some(Secret::new("r")), expires_at: None }
    }

    #[tokio::test]
    async fn one_of_two_renewals_wins_and_nothing_lies_in_clear() {
        let side: Arc<dyn SideStore> = Arc::new(MemoryStore::default());
        let keyring = Arc::new(Keyring::new(Arc::clone(&side), Kek::new(&[7; 32]), Arc::new(OsEntropy)));
        let tenant = TenantId::new("t-1").unwrap();
        let tokens =
            |client: &str| SealedTokens::new(&tenant, "jira", &[client], keyring.clone(), side.clone());
        let store = tokens("a");
        assert_eq!(store.load().await.unwrap(), None);
        store.save(0, &set(1, "canary-one")).await.unwrap();
        assert_eq!(tokens("a").save(0, &set(1, "other")).await, Err(SaveError::Conflict));
        store.save(1, &set(2, "canary-two")).await.unwrap();
        assert_eq!(store.load().await.unwrap(), Some(set(2, "canary-two")));
        assert_eq!(tokens("b").load().await.unwrap(), None, "another client's tokens are its own");
        let sealed = side.secrets(&tenant, SecretKind::Other).await.unwrap();
        assert_eq!(sealed.len(), 1, "the set before is destroyed");
        assert!(!sealed[0].1.windows(6).any(|bytes| bytes == b"canary"));
    }
}
