//! The keys of all logs: signing seeds, data keys and command keys, wrapped in the side store, unwrapped in memory.
//!
//! A key is durable (wrapped) before it is used for the first time, so that what is sealed stays readable.
//! [`DataKeys`] is synchronous because sealing is; what it gives out must have been [prepared](Keyring::prepare).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use ledger::clock::Entropy;
use ledger::disclosure::{DataKey, DataKeys, DisclosureError};
use ledger::domain::{Class, EventBody};
use ledger::ids::{SubjectId, TenantId};
use ledger::keys::{Kid, Signer, SoftSigner};
use ledger::note::NoteSigner;
use ledger::secretbox::{Kek, SecretError};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{EventStore, LogInfo, PutOutcome, SecretKey, SecretKind, SideStore, StoreError};

mod change;
mod fit;
#[cfg(test)]
mod tests;

pub use fit::{first_secret, fits};

/// The id of a tenant's only key of its kind.
const FIRST: &str = "1";

/// Why a key cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret that does not unwrap.
    #[error("{what} of tenant {tenant}: {source}; give the key file that this store was made with")]
    Secret {
        /// Which secret.
        what: &'static str,
        /// Whose.
        tenant: TenantId,
        /// Why.
        source: SecretError,
    },
    /// A log whose keys are gone.
    #[error(
        "the log of tenant {tenant} has no {what}: the store is incomplete; restore a backup that has it"
    )]
    Missing {
        /// Which secret.
        what: &'static str,
        /// Whose.
        tenant: TenantId,
    },
    /// A log that was closed or that the store does not have.
    #[error("the log of tenant {0} has no active key")]
    NoActiveKey(TenantId),
}

/// All keys. Cheap to share behind an [`Arc`].
pub struct Keyring {
    side: Arc<dyn SideStore>,
    kek: Kek,
    /// Key-encryption keys of the past, while secrets are still wrapped under them.
    old: Vec<Kek>,
    entropy: Arc<dyn Entropy>,
    tenants: RwLock<HashMap<TenantId, Arc<LogKeys>>>,
}

/// The keys of one log.
pub struct LogKeys {
    /// The origin that its checkpoints name.
    pub origin: String,
    checkpoint: NoteSigner,
    data: Arc<DataKey>,
    command: Zeroizing<[u8; 32]>,
    signer: RwLock<Arc<SoftSigner>>,
    subjects: RwLock<HashMap<SubjectId, Arc<DataKey>>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LogKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogKeys").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl LogKeys {
    /// The key that the next entry is signed with.
    pub fn signer(&self) -> Arc<SoftSigner> {
        Arc::clone(&self.signer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs checkpoints and manifests.
    pub fn checkpoint_signer(&self) -> &NoteSigner {
        &self.checkpoint
    }

    /// The key under which confidential members and blobs are encrypted.
    pub fn data_key(&self) -> &Arc<DataKey> {
        &self.data
    }

    /// HMAC-SHA256 of a command's canonical body: tells a repetition from another command without keeping the body.
    pub fn body_mac(&self, canonical: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.command).expect("HMAC takes a key of any length");
        mac.update(canonical);
        mac.finalize().into_bytes().into()
    }
}

impl Keyring {
    /// The keys that `kek` unwraps from `side`.
    pub fn new(side: Arc<dyn SideStore>, kek: Kek, entropy: Arc<dyn Entropy>) -> Self {
        Self { side, kek, old: Vec::new(), entropy, tenants: RwLock::default() }
    }

    /// The keys of a log that was [opened](Self::open_log).
    pub fn log(&self, tenant: &TenantId) -> Option<Arc<LogKeys>> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned()
    }

    /// Whose logs are open.
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Unwraps the keys of a log, so that it can be written.
    ///
    /// # Errors
    /// [`KeyringError`]: a secret is missing or does not unwrap.
    pub async fn open_log(
        &self,
        log: &LogInfo,
        store: &dyn EventStore,
    ) -> Result<Arc<LogKeys>, KeyringError> {
        let tenant = &log.tenant;
        let head = store.log_head(tenant).await?;
        let kid = head.and_then(|head| head.active_kid);
        let signer = match kid {
            Some(kid) => self.event_signer(tenant, kid).await?,
            None => self.genesis_signer(tenant).await?,
        };
        let keys = Arc::new(LogKeys {
            origin: log.origin.clone(),
            checkpoint: self.checkpoint_signer(log).await?,
            data: Arc::new(DataKey::new(&*self.existing(tenant, SecretKind::TenantDataKey, FIRST).await?)),
            command: self.existing(tenant, SecretKind::CommandKey, FIRST).await?,
            signer: RwLock::new(Arc::new(signer)),
            subjects: RwLock::default(),
        });
        self.tenants
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant.clone(), Arc::clone(&keys));
        Ok(keys)
    }

    /// Makes the keys of a new log durable; what is there already stays (a first start that was cut off).
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn create_log_keys(&self, tenant: &TenantId) -> Result<SoftSigner, KeyringError> {
        for kind in [SecretKind::CheckpointKey, SecretKind::TenantDataKey, SecretKind::CommandKey] {
            self.put(tenant, kind, FIRST, &*self.random()).await?;
        }
        match self.genesis_signer(tenant).await {
            Err(KeyringError::Missing { .. }) => self.create_event_key(tenant).await,
            found => found,
        }
    }

    /// Makes a new event-signing key durable, for a genesis or a rotation.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn create_event_key(&self, tenant: &TenantId) -> Result<SoftSigner, KeyringError> {
        let seed = self.random();
        let signer = SoftSigner::from_seed(&seed);
        self.put(tenant, SecretKind::EventKey, &signer.kid().to_string(), &*seed).await?;
        Ok(signer)
    }

    /// Signs with `kid` from now on: the log says that it is active.
    ///
    /// # Errors
    /// [`KeyringError::Missing`] if the key is not here.
    pub async fn activate(&self, tenant: &TenantId, kid: Kid) -> Result<(), KeyringError> {
        let Some(keys) = self.log(tenant) else { return Err(KeyringError::NoActiveKey(tenant.clone())) };
        if keys.signer().kid() == kid {
            return Ok(());
        }
        let signer = Arc::new(self.event_signer(tenant, kid).await?);
        *keys.signer.write().unwrap_or_else(PoisonError::into_inner) = signer;
        Ok(())
    }

    /// Makes the data keys of an event's personal members durable and known, before the event is sealed.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn prepare(&self, tenant: &TenantId, body: &EventBody) -> Result<(), KeyringError> {
        for withheld in &body.withheld {
            if let Class::Personal(subject) = &withheld.class {
                self.prepare_subject(tenant, subject).await?;
            }
        }
        Ok(())
    }

    /// Unwraps the data key of a subject if there is one; `false`: it was erased or never made.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn load_subject(&self, tenant: &TenantId, subject: &SubjectId) -> Result<bool, KeyringError> {
        let Some(keys) = self.log(tenant) else { return Ok(false) };
        if keys.subjects.read().unwrap_or_else(PoisonError::into_inner).contains_key(subject) {
            return Ok(true);
        }
        let Some(key) = self.find(tenant, SecretKind::SubjectDataKey, subject.as_str()).await? else {
            return Ok(false);
        };
        let key = Arc::new(DataKey::new(&key));
        keys.subjects.write().unwrap_or_else(PoisonError::into_inner).insert(subject.clone(), key);
        Ok(true)
    }

    /// Forgets a subject's key in memory, when it is destroyed in the store.
    pub fn forget_subject(&self, tenant: &TenantId, subject: &SubjectId) {
        if let Some(keys) = self.log(tenant) {
            keys.subjects.write().unwrap_or_else(PoisonError::into_inner).remove(subject);
        }
    }

    async fn prepare_subject(&self, tenant: &TenantId, subject: &SubjectId) -> Result<(), KeyringError> {
        if self.load_subject(tenant, subject).await? {
            return Ok(());
        }
        self.put(tenant, SecretKind::SubjectDataKey, subject.as_str(), &*self.random()).await?;
        self.load_subject(tenant, subject).await?;
        Ok(())
    }

    /// A secret of 32 bytes that the server keeps to itself, made at its first use.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn own_secret(&self, tenant: &TenantId, id: &str) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        if let Some(found) = self.find(tenant, SecretKind::Other, id).await? {
            return Ok(found);
        }
        self.put(tenant, SecretKind::Other, id, &*self.random()).await?;
        self.existing(tenant, SecretKind::Other, id).await
    }

    /// Wraps and keeps a secret of any length; one that is there stays.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn put(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        id: &str,
        secret: &[u8],
    ) -> Result<PutOutcome, KeyringError> {
        let wrapped = self.kek.wrap(&purpose(tenant, kind, id), secret, &*self.entropy);
        Ok(self.side.put_secret(&secret_key(tenant, kind, id), wrapped).await?)
    }

    /// Unwraps a secret of any length.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn get(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        id: &str,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        match self.side.secret(&secret_key(tenant, kind, id)).await? {
            None => Ok(None),
            Some(wrapped) => self.unwrap(tenant, kind, id, &wrapped).map(Some),
        }
    }

    fn unwrap(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        id: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        let failed = |source| KeyringError::Secret { what: kind.as_str(), tenant: tenant.clone(), source };
        self.kek_for(wrapped).unwrap(&purpose(tenant, kind, id), wrapped).map_err(failed)
    }

    async fn find(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        id: &str,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, KeyringError> {
        let Some(bytes) = self.get(tenant, kind, id).await? else { return Ok(None) };
        let damaged = || KeyringError::Secret {
            what: kind.as_str(),
            tenant: tenant.clone(),
            source: SecretError::Damaged,
        };
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Some(Zeroizing::new(bytes)))
    }

    async fn existing(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        id: &str,
    ) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        let missing = || KeyringError::Missing { what: kind.as_str(), tenant: tenant.clone() };
        self.find(tenant, kind, id).await?.ok_or_else(missing)
    }

    async fn event_signer(&self, tenant: &TenantId, kid: Kid) -> Result<SoftSigner, KeyringError> {
        Ok(SoftSigner::from_seed(&*self.existing(tenant, SecretKind::EventKey, &kid.to_string()).await?))
    }

    /// The key of a log that has no genesis yet: the only one there is.
    async fn genesis_signer(&self, tenant: &TenantId) -> Result<SoftSigner, KeyringError> {
        let kind = SecretKind::EventKey;
        let Some((id, _)) = self.side.secrets(tenant, kind).await?.into_iter().next() else {
            return Err(KeyringError::Missing { what: kind.as_str(), tenant: tenant.clone() });
        };
        Ok(SoftSigner::from_seed(&*self.existing(tenant, kind, &id).await?))
    }

    async fn checkpoint_signer(&self, log: &LogInfo) -> Result<NoteSigner, KeyringError> {
        let seed = self.existing(&log.tenant, SecretKind::CheckpointKey, FIRST).await?;
        NoteSigner::from_seed(&log.origin, &seed)
            .map_err(|error| StoreError::corrupt(format!("origin {:?}: {error}", log.origin)).into())
    }

    fn random(&self) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.entropy.fill(&mut *bytes);
        bytes
    }
}

impl DataKeys for Keyring {
    fn tenant_key(&self, tenant: &TenantId) -> Result<Arc<DataKey>, DisclosureError> {
        let keys = self.log(tenant).ok_or(DisclosureError::NoKey)?;
        Ok(Arc::clone(&keys.data))
    }

    fn subject_key(&self, tenant: &TenantId, subject: &SubjectId) -> Result<Arc<DataKey>, DisclosureError> {
        let keys = self.log(tenant).ok_or(DisclosureError::NoKey)?;
        let subjects = keys.subjects.read().unwrap_or_else(PoisonError::into_inner);
        subjects.get(subject).cloned().ok_or(DisclosureError::NoKey)
    }
}

fn secret_key(tenant: &TenantId, kind: SecretKind, id: &str) -> SecretKey {
    SecretKey { tenant: tenant.clone(), kind, id: id.to_owned() }
}

/// Binds a wrapped secret to what it is: moved to another place it does not unwrap.
fn purpose(tenant: &TenantId, kind: SecretKind, id: &str) -> Vec<u8> {
    format!("ledger-secret/v1\n{tenant}\n{}\n{id}", kind.as_str()).into_bytes()
}
