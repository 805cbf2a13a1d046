//! Making logs: keys first, then the log, then its genesis. Every step can be cut off and is taken up again.

use std::sync::Arc;

use ledger::clock::{Clock, Entropy};
use ledger::domain::{Cause, EventBody};
use ledger::epochs::{GENESIS, Genesis, Predecessor, key_stream};
use ledger::event::{EventHash, SealContext, seal};
use ledger::ids::{Actor, TenantId};
use ledger::keys::Signer;
use ledger::note::is_key_name;
use sha2::{Digest, Sha256};

use crate::keyring::{Keyring, KeyringError, LogKeys};
use crate::{Append, EventStore, KeyChange, LogInfo, SideStore, StoreError, StreamHead, Verdict};

/// How many tenants may be made at the same time before one is told to try again.
const SLOT_ATTEMPTS_MAX: usize = 100;

/// What making logs needs.
#[derive(Clone)]
pub struct Bootstrap {
    /// The events.
    pub store: Arc<dyn EventStore>,
    /// What lives beside them.
    pub side: Arc<dyn SideStore>,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bootstrap").finish_non_exhaustive()
    }
}

/// A log that can be written.
#[derive(Debug, Clone)]
pub struct OpenLog {
    /// Its name.
    pub info: LogInfo,
    /// Its keys.
    pub keys: Arc<LogKeys>,
    /// The hash of its genesis.
    pub genesis: EventHash,
}

impl Bootstrap {
    /// Opens all logs; at the first start makes that of `system`, which gives the ledger its name.
    ///
    /// # Errors
    /// [`KeyringError`]: a log without its keys, or keys that do not unwrap, say what to do.
    pub async fn open(&self, name: &str) -> Result<Vec<OpenLog>, KeyringError> {
        let mut logs = self.side.logs().await?;
        if logs.is_empty() {
            logs.push(self.create_system(name).await?);
        }
        let mut open = Vec::with_capacity(logs.len());
        for info in logs {
            open.push(self.finish(info, None).await?);
        }
        Ok(open)
    }

    async fn create_system(&self, name: &str) -> Result<LogInfo, KeyringError> {
        let tenant = TenantId::system();
        // Before anything is kept: the name never changes afterwards.
        if !name.is_empty() && !is_key_name(name) {
            let rule = "no spaces, no '+', no control characters";
            return Err(StoreError::invalid(format!("the ledger's name {name:?}: {rule}")).into());
        }
        let signer = self.keyring.create_log_keys(&tenant).await?;
        let name =
            if name.is_empty() { default_name(signer.public_key().as_bytes()) } else { name.to_owned() };
        let info = LogInfo { origin: format!("{name}/{tenant}"), tenant, slot: None };
        self.side.put_log(info.clone()).await?;
        Ok(info)
    }

    /// Makes the log of a tenant, or takes up where an earlier attempt was cut off.
    ///
    /// # Errors
    /// [`KeyringError`]
    pub async fn create(
        &self,
        tenant: &TenantId,
        predecessor: Option<Predecessor>,
    ) -> Result<OpenLog, KeyringError> {
        self.keyring.create_log_keys(tenant).await?;
        for attempt in 1.. {
            let logs = self.side.logs().await?;
            if let Some(info) = logs.iter().find(|log| log.tenant == *tenant) {
                return self.finish(info.clone(), predecessor).await;
            }
            let info = next_log(&logs, tenant)?;
            match self.side.put_log(info).await {
                // Another tenant may have got the slot in the meantime: take the next.
                Err(StoreError::Invalid { .. }) if attempt < SLOT_ATTEMPTS_MAX => {}
                outcome => drop(outcome?),
            }
        }
        unreachable!("the loop ends with a log or with an error")
    }

    /// Opens a log's keys, and writes its genesis if there is none yet.
    async fn finish(&self, info: LogInfo, predecessor: Option<Predecessor>) -> Result<OpenLog, KeyringError> {
        let mut keys = self.keyring.open_log(&info, &*self.store).await?;
        let empty = self.store.log_head(&info.tenant).await?.is_none_or(|head| head.size == 0);
        let lost = self.side.succession(&info.tenant).await?;
        if empty {
            self.append_genesis(&info, &keys, predecessor.or(lost), None).await?;
            // Another may have written it first, with a key of its own: what counts is the key in the log.
            keys = self.keyring.open_log(&info, &*self.store).await?;
        } else if let Some(lost) = lost {
            // A loss was accepted: the log says so before anything else.
            let stream = key_stream(&info.tenant).map_err(|error| StoreError::invalid(error.to_string()))?;
            let head = self.store.stream_head(&info.tenant, &stream).await?;
            self.append_genesis(&info, &keys, Some(lost), head).await?;
        }
        let genesis = self.genesis_hash(&info.tenant).await?;
        Ok(OpenLog { info, keys, genesis })
    }

    async fn append_genesis(
        &self,
        info: &LogInfo,
        keys: &LogKeys,
        predecessor: Option<Predecessor>,
        head: Option<StreamHead>,
    ) -> Result<(), KeyringError> {
        let signer = keys.signer();
        let data = Genesis {
            origin: info.origin.clone(),
            key: ledger::b64::encode(signer.public_key().as_bytes()),
            kid: signer.kid(),
            checkpoint_vkey: keys.checkpoint_signer().verifier().to_string(),
            predecessor,
        };
        let public = match serde_json::to_value(&data) {
            Ok(serde_json::Value::Object(members)) => members,
            _ => return Err(StoreError::invalid("a genesis is a JSON object").into()),
        };
        let stream = key_stream(&info.tenant).map_err(|error| StoreError::invalid(error.to_string()))?;
        let actor = Actor::system("bootstrap");
        let ctx = SealContext {
            tenant: &info.tenant,
            stream: &stream,
            seq: head.map_or(0, |head| head.seq + 1),
            prev: head.map(|head| head.hash),
            time: self.clock.now(),
            actor: &actor,
            command: None,
            cause: Cause::default(),
        };
        let body = EventBody { public, withheld: Vec::new() };
        let sealed = seal(GENESIS, &body, &ctx, &*signer, &*self.keyring, &*self.entropy)
            .map_err(|error| StoreError::invalid(error.to_string()))?;
        let append = Append::new(vec![sealed])
            .map_err(|error| StoreError::invalid(error.to_string()))?
            .with_key_change(KeyChange::Activate(signer.kid()));
        match self.store.append(vec![append]).await?.as_slice() {
            [Verdict::Committed { .. } | Verdict::Duplicate(_)] => Ok(()),
            // Somebody else wrote it in the meantime: as good.
            [Verdict::WrongRevision { current: Some(_) } | Verdict::StaleKey { active: Some(_) }] => Ok(()),
            other => {
                Err(StoreError::corrupt(format!("the genesis of {} was refused: {other:?}", info.origin))
                    .into())
            }
        }
    }

    async fn genesis_hash(&self, tenant: &TenantId) -> Result<EventHash, KeyringError> {
        let page = self.store.read(crate::Read::log(tenant, 0).limit(1)).await?;
        let first = page
            .events
            .first()
            .ok_or_else(|| StoreError::corrupt(format!("the log of {tenant} has no genesis")))?;
        Ok(EventHash::of(&first.header))
    }
}

/// The log of a new tenant: the slot after the last, for slots are never given back.
fn next_log(logs: &[LogInfo], tenant: &TenantId) -> Result<LogInfo, StoreError> {
    let system = logs.iter().find(|log| log.tenant.is_system());
    let system =
        system.ok_or_else(|| StoreError::corrupt("there are logs, but none of the tenant `system`"))?;
    let slot = logs.iter().filter_map(|log| log.slot).max().map_or(0, |slot| slot + 1);
    let origin = format!("{}/{tenant}", ledger_name(system));
    Ok(LogInfo { tenant: tenant.clone(), slot: Some(slot), origin })
}

/// The ledger's name: what stands before `/system` in the system log's origin.
pub fn ledger_name(system: &LogInfo) -> &str {
    system.origin.rsplit_once("/system").map_or(&system.origin, |(name, _)| name)
}

fn default_name(public_key: &[u8; 32]) -> String {
    let hash = Sha256::digest(public_key);
    hash[..4].iter().fold("local-".to_owned(), |name, byte| name + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests;
