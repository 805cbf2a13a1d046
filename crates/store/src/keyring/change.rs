//! Changing keys: a new event key for a log, a new key-encryption key for everything.

use ledger::epochs::Rotated;
use ledger::ids::TenantId;
use ledger::keys::Signer;
use ledger::secretbox::{Kek, kek_of};

use super::{Keyring, KeyringError, purpose, secret_key};
use crate::SecretKind;

impl Keyring {
    /// Also unwraps what is still wrapped under an older key-encryption key; new secrets never are.
    #[must_use]
    pub fn with_old_kek(mut self, old: Kek) -> Self {
        self.old.push(old);
        self
    }

    pub(super) fn kek_for(&self, wrapped: &[u8]) -> &Kek {
        let id = kek_of(wrapped);
        // If none fits, the current key says in its error which one is missing.
        self.old.iter().find(|old| Some(old.id()) == id).unwrap_or(&self.kek)
    }

    /// Makes the next event key of a log durable and proves its possession. It signs once the event that
    /// carries this is committed; until then, and if that never happens, nothing has changed.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn prepare_rotation(&self, tenant: &TenantId) -> Result<Rotated, KeyringError> {
        let keys = self.log(tenant).ok_or_else(|| KeyringError::NoActiveKey(tenant.clone()))?;
        let new = self.create_event_key(tenant).await?;
        Ok(Rotated::prove(&keys.origin, keys.signer().kid(), &new))
    }

    /// Wraps every secret of these tenants under the current key-encryption key; the number that were not.
    /// Can be cut off and taken up again. The old key may be destroyed when this finds nothing more, and no
    /// backup is left that needs it.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn rewrap(&self, tenants: &[TenantId]) -> Result<usize, KeyringError> {
        let mut count = 0;
        for tenant in tenants {
            for kind in SecretKind::ALL {
                for (id, wrapped) in self.side.secrets(tenant, kind).await? {
                    count += usize::from(self.rewrap_one(tenant, kind, &id, wrapped).await?);
                }
            }
        }
        Ok(count)
    }

    async fn rewrap_one(
        &self,
        tenant: &TenantId,
        kind: SecretKind,
        id: &str,
        wrapped: Vec<u8>,
    ) -> Result<bool, KeyringError> {
        if kek_of(&wrapped) == Some(self.kek.id()) {
            return Ok(false);
        }
        let secret = self.unwrap(tenant, kind, id, &wrapped)?;
        let again = self.kek.wrap(&purpose(tenant, kind, id), &secret, &*self.entropy);
        // Not replaced: it was destroyed in the meantime, and must stay so.
        Ok(self.side.rewrap_secret(&secret_key(tenant, kind, id), wrapped, again).await?)
    }
}
