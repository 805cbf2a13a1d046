//! The credentials that are good right now, in memory: folded from the log, secrets from the vault.
//!
//! A revocation takes effect before its command is answered: the handler waits until the table has folded it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::Request;
use axum::http::header;
use ledger::apikey::ApiKey;
use ledger::clock::Clock;
use ledger::ids::TenantId;
use ledger::time::Timestamp;
use ledger_aggregates::values::Environment;

use super::principal::Principal;
use super::signature;
use crate::error::{ApiError, UNAUTHENTICATED};

/// What the server keeps of one secret: enough to check it, not to make it.
#[derive(Debug, Clone)]
pub struct Secret {
    /// HMAC-SHA256(pepper, secret).
    pub mac: [u8; 32],
    /// Verifies requests signed with the key that follows from the secret.
    pub request_key: [u8; 32],
    /// When it stops to work, after a rotation with overlap.
    pub not_after: Option<Timestamp>,
}

/// One credential.
#[derive(Debug)]
pub struct Entry {
    /// Who it makes its bearer.
    pub principal: Arc<Principal>,
    /// What it is for.
    pub environment: Environment,
    /// The secrets that may still be used.
    pub secrets: Vec<Secret>,
    /// When the whole credential ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, microseconds; 0: never since the start.
    pub last_used: AtomicI64,
}

impl Entry {
    /// When it was last used since the server started.
    pub fn last_used(&self) -> Option<Timestamp> {
        match self.last_used.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Timestamp::from_micros(micros)),
        }
    }

    /// The same credential, to be changed.
    pub fn after(old: &Self) -> Self {
        Self {
            principal: Arc::clone(&old.principal),
            environment: old.environment,
            secrets: old.secrets.clone(),
            expires_at: old.expires_at,
            revoked_at: old.revoked_at,
            last_used: AtomicI64::new(old.last_used.load(Ordering::Relaxed)),
        }
    }
}

/// All credentials of the store.
pub struct Table {
    clock: Arc<dyn Clock>,
    pepper: [u8; 32],
    entries: RwLock<HashMap<Box<str>, Arc<Entry>>>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl Table {
    /// An empty table.
    pub fn new(clock: Arc<dyn Clock>, pepper: [u8; 32]) -> Self {
        Self { clock, pepper, entries: RwLock::default() }
    }

    /// What a new key leaves behind for checking it.
    pub fn secret_of(&self, key: &ApiKey) -> Secret {
        Secret { mac: key.mac(&self.pepper), request_key: key.request_key().public_key(), not_after: None }
    }

    /// One credential.
    pub fn get(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Does a tenant have any credential?
    pub fn any_of(&self, tenant: &TenantId) -> bool {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.values().any(|entry| entry.principal.tenant == *tenant)
    }

    /// Puts a credential in the place of its older state; when it was last used is kept.
    pub fn put(&self, entry: Entry) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let id: Box<str> = (&*entry.principal.credential).into();
        if let Some(old) = entries.get(&id) {
            entry.last_used.store(old.last_used.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        entries.insert(id, Arc::new(entry));
    }

    /// Finds who sent a request, by its signature or its bearer key.
    ///
    /// # Errors
    /// `unauthenticated`, without telling an unknown key from a wrong secret; `clock-skew`.
    pub async fn authenticate(&self, request: &mut Request) -> Result<Arc<Principal>, ApiError> {
        let now = self.clock.now();
        let entry = if request.headers().contains_key(signature::SIGNATURE_INPUT) {
            signature::authenticate(self, request, now).await?
        } else {
            self.by_bearer(request, now)?
        };
        entry.last_used.store(now.micros(), Ordering::Relaxed);
        Ok(Arc::clone(&entry.principal))
    }

    fn by_bearer(&self, request: &Request, now: Timestamp) -> Result<Arc<Entry>, ApiError> {
        let value = request.headers().get(header::AUTHORIZATION).ok_or_else(|| {
            unauthenticated("the request carries no key").hint("send the header authorization: Bearer lgr_…")
        })?;
        let text = value
            .to_str()
            .ok()
            .and_then(|v| v.strip_prefix("Bearer "))
            .ok_or_else(|| unauthenticated("the Authorization header is not of the form Bearer lgr_…"))?;
        self.by_key(text, now)
    }

    /// Finds a credential by the text of its key: for bearers and for signing in to the console.
    ///
    /// # Errors
    /// `unauthenticated`.
    pub fn by_key(&self, text: &str, now: Timestamp) -> Result<Arc<Entry>, ApiError> {
        let key = ApiKey::parse(text.trim()).map_err(|error| unauthenticated(error.to_string()))?;
        let unknown = || unauthenticated("the key is unknown, or its secret is wrong");
        let entry = self.get(key.id()).ok_or_else(unknown)?;
        let secret =
            entry.secrets.iter().find(|secret| key.matches(&self.pepper, &secret.mac)).ok_or_else(unknown)?;
        usable(&entry, secret, now)?;
        Ok(entry)
    }
}

/// The bearer has proven that he has the secret: now he may hear why it is of no use.
pub fn usable(entry: &Entry, secret: &Secret, now: Timestamp) -> Result<(), ApiError> {
    if let Some(at) = entry.revoked_at {
        return Err(unauthenticated(format!("the key was revoked at {at}")));
    }
    if let Some(at) = entry.expires_at.filter(|at| *at <= now) {
        return Err(
            unauthenticated(format!("the key expired at {at}")).hint("ask an administrator for a new one")
        );
    }
    if let Some(at) = secret.not_after.filter(|at| *at <= now) {
        return Err(unauthenticated(format!("the key was rotated, and its overlap ended at {at}"))
            .hint("use the key that the rotation gave"));
    }
    Ok(())
}

/// The one kind of refusal here.
pub fn unauthenticated(detail: impl Into<String>) -> ApiError {
    ApiError::new(UNAUTHENTICATED, detail)
}
