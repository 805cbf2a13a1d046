//! Secrets of connections: their bytes, sealed beside the log, and what may be known of them.
//!
//! A value can be put, replaced and deleted, never read back by anyone but the host that sends it. Each version lies
//! under its own name, so that a crash at any point leaves the version that the log speaks of.

use ledger::ids::{CommandId, TenantId};
use ledger_aggregates::secret::{Secret, SecretCommand, SecretState};
use ledger_aggregates::values::SecretName;
use ledger_connectors::egress::Secret as Exposed;
use ledger_store::{PutOutcome, SecretKey, SecretKind};
use zeroize::Zeroizing;

use super::config::SecretRef;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::{Done, Order};
use crate::config;
use crate::error::{ApiError, CONFLICT, INVALID};

/// Sealed secrets of connections have names that begin so.
const PREFIX: &str = "connection-secret";
/// A private key in PEM is a few kilobytes.
const BYTES_MAX: usize = 64 << 10;

fn id(name: &SecretName, version: u32) -> String {
    format!("{PREFIX}.{version}.{name}")
}

impl App {
    /// Keeps a secret, or another value of it, sealed.
    ///
    /// # Errors
    /// `invalid`: it is empty or too large; else the store.
    pub async fn put_secret(
        &self,
        caller: &Caller,
        id_of_command: CommandId,
        name: &SecretName,
        value: &Zeroizing<Vec<u8>>,
    ) -> Result<Done, ApiError> {
        if value.is_empty() || value.len() > BYTES_MAX {
            let detail = format!("a secret has 1 to {BYTES_MAX} bytes");
            return Err(ApiError::new(INVALID, detail.clone()).at("/value", detail));
        }
        // One at a time: the version that the bytes are sealed under must be the one that the event gives.
        let _turn = self.connect.vault.lock().await;
        let before = self.state::<Secret>(&caller.tenant, &name.stream()).await?;
        let version = last_version(before) + 1;
        let key = id(name, version);
        let mut kept = self.keyring.put(&caller.tenant, SecretKind::Other, &key, value).await?;
        if kept == PutOutcome::Existing {
            // Left by a crash before its event.
            self.forget_secret(&caller.tenant, &key).await?;
            kept = self.keyring.put(&caller.tenant, SecretKind::Other, &key, value).await?;
        }
        if kept == PutOutcome::Existing {
            return Err(ApiError::new(CONFLICT, "another process keeps this secret just now").retry_after(1));
        }
        // Only whether it is the same request is told by this, not what the value is: the MAC's key is the tenant's.
        let identity = [name.as_str().as_bytes(), b"\n", value.as_slice()].concat();
        let order = Order::new(caller, name.stream(), id_of_command, &identity);
        let done = self.command::<Secret>(&order, &SecretCommand::Store).await?;
        // A repeated command wrote nothing: its bytes are those of the version before.
        let stale = if done.duplicate { version } else { version - 1 };
        if stale > 0 {
            self.forget_secret(&caller.tenant, &id(name, stale)).await?;
        }
        self.connect.forget(&caller.tenant);
        Ok(done)
    }

    /// Destroys a secret. What refers to it waits until there is another.
    ///
    /// # Errors
    /// `not-found`: there was never one; else the store.
    pub async fn delete_secret(
        &self,
        caller: &Caller,
        id_of_command: CommandId,
        name: &SecretName,
    ) -> Result<Done, ApiError> {
        let _turn = self.connect.vault.lock().await;
        let order = Order::new(caller, name.stream(), id_of_command, name.as_str().as_bytes());
        let done = self.command::<Secret>(&order, &SecretCommand::Delete).await?;
        let version = last_version(self.state::<Secret>(&caller.tenant, &name.stream()).await?);
        self.forget_secret(&caller.tenant, &id(name, version)).await?;
        self.connect.forget(&caller.tenant);
        Ok(done)
    }

    /// The value that a configuration refers to; `None`: there is none.
    ///
    /// # Errors
    /// The store.
    pub async fn secret(
        &self,
        tenant: &TenantId,
        reference: &SecretRef,
    ) -> Result<Option<Exposed>, ApiError> {
        let bytes = match reference {
            SecretRef::Env(name) => return Ok(config::secret(name).map(Exposed::new)),
            SecretRef::Secret(name) => {
                let Ok(name) = name.parse::<SecretName>() else { return Ok(None) };
                let SecretState::Stored { version } = self.state::<Secret>(tenant, &name.stream()).await?
                else {
                    return Ok(None);
                };
                self.keyring.get(tenant, SecretKind::Other, &id(&name, version)).await?
            }
        };
        Ok(bytes.and_then(|bytes| std::str::from_utf8(&bytes).ok().map(Exposed::new)))
    }

    async fn forget_secret(&self, tenant: &TenantId, id: &str) -> Result<(), ApiError> {
        let key = SecretKey { tenant: tenant.clone(), kind: SecretKind::Other, id: id.to_owned() };
        self.side.delete_secret(&key).await?;
        Ok(())
    }
}

const fn last_version(state: SecretState) -> u32 {
    match state {
        SecretState::Absent => 0,
        SecretState::Stored { version } | SecretState::Deleted { version } => version,
    }
}
