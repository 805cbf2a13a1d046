//! What stands beside the entries of one group of appends: command records and encrypted disclosures.
//!
//! It must be durable before the entries are, must be shared by the processes that write one log, and must be
//! destroyable; so it lies in the side store, one record a group and tenant, under the tenant's *annex name*, which
//! no tenant can have. The entries name it in their metadata.

use std::collections::HashSet;

use ledger::b64;
use ledger::disclosure::SealedDisclosure;
use ledger::domain::Class;
use ledger::event::{EventHash, SealedEvent};
use ledger::ids::{CommandId, SubjectId, TenantId};
use ledger_store::{Append, CommandRecord, SecretKey, SecretKind, SideStore, StoreError};
use serde::{Deserialize, Serialize};

/// Begins the names under which annexes are kept.
const PREFIX: &str = "annex.";
/// Tenants whose names leave room for the prefix.
pub(crate) const TENANT_MAX: usize = 64 - PREFIX.len();

/// The records beside a group of appends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Annex {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    commands: Vec<Command>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    disclosures: Vec<Disclosure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Command {
    /// The hash of the append's last event.
    at: String,
    id: CommandId,
    mac: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Disclosure {
    /// The event's hash.
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<SubjectId>,
    text: String,
}

impl Annex {
    /// Takes in what stands beside an append.
    pub fn add(&mut self, append: &Append) {
        if let Some(command) = append.command() {
            let at = append.last().hash.to_string();
            let mac = b64::encode(command.body_mac);
            self.commands.push(Command { at, id: command.id.clone(), mac });
        }
        for event in append.events() {
            self.disclosures.extend(event.disclosures.iter().map(|disclosure| Disclosure {
                at: event.hash.to_string(),
                subject: match &disclosure.class {
                    Class::Personal(subject) => Some(subject.clone()),
                    Class::Confidential | Class::Public => None,
                },
                text: b64::encode(&disclosure.ciphertext),
            }));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.disclosures.is_empty()
    }

    /// The record of the command whose last event this is.
    pub fn command(&self, last: EventHash) -> Option<CommandRecord> {
        let at = last.to_string();
        let found = self.commands.iter().find(|command| command.at == at)?;
        let body_mac = b64::decode_array(&found.mac).ok()?;
        Some(CommandRecord { id: found.id.clone(), body_mac })
    }

    /// Gives an event its disclosures back.
    pub fn attach(&self, event: &mut SealedEvent) {
        let at = event.hash.to_string();
        let of = self.disclosures.iter().filter(|disclosure| disclosure.at == at);
        event.disclosures = of
            .filter_map(|disclosure| {
                let class = disclosure.subject.clone().map_or(Class::Confidential, Class::Personal);
                Some(SealedDisclosure { class, ciphertext: b64::decode(&disclosure.text).ok()? })
            })
            .collect();
    }

    /// Leaves out everything that belongs to none of these events.
    pub fn retain(&mut self, events: &HashSet<EventHash>) {
        let kept = |at: &str| EventHash::from_text(at.as_bytes()).is_some_and(|hash| events.contains(&hash));
        self.commands.retain(|command| kept(&command.at));
        self.disclosures.retain(|disclosure| kept(&disclosure.at));
    }

    /// Leaves out a subject's disclosures, and the records of commands. `false`: there were none.
    pub fn forget(&mut self, subject: &SubjectId, commands: &[CommandId]) -> bool {
        let before = (self.commands.len(), self.disclosures.len());
        self.commands.retain(|command| !commands.contains(&command.id));
        self.disclosures.retain(|disclosure| disclosure.subject.as_ref() != Some(subject));
        before != (self.commands.len(), self.disclosures.len())
    }

    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text is JSON")
    }

    fn decode(bytes: &[u8], name: &str) -> Result<Self, StoreError> {
        serde_json::from_slice(bytes)
            .map_err(|error| StoreError::corrupt(format!("the annex {name} cannot be read: {error}")))
    }
}

/// The record of the side store that has this name.
pub(crate) fn key(tenant: &TenantId, name: &str) -> Result<SecretKey, StoreError> {
    let under = TenantId::new(format!("{PREFIX}{tenant}")).map_err(|_| {
        StoreError::invalid(format!("tenant {tenant}: at most {TENANT_MAX} characters with this backend"))
    })?;
    Ok(SecretKey { tenant: under, kind: SecretKind::Other, id: name.to_owned() })
}

/// May a tenant have this name?
pub(crate) fn check_name(tenant: &TenantId) -> Result<(), StoreError> {
    if tenant.as_str().starts_with(PREFIX) {
        return Err(StoreError::invalid(format!("tenant {tenant}: names beginning with {PREFIX} are taken")));
    }
    key(tenant, "").map(drop)
}

pub(crate) async fn load(
    side: &dyn SideStore,
    tenant: &TenantId,
    name: &str,
) -> Result<Option<Annex>, StoreError> {
    let found = side.secret(&key(tenant, name)?).await?;
    found.map(|bytes| Annex::decode(&bytes, name)).transpose()
}

pub(crate) async fn put(
    side: &dyn SideStore,
    tenant: &TenantId,
    name: &str,
    annex: &Annex,
) -> Result<(), StoreError> {
    side.put_secret(&key(tenant, name)?, annex.encode()).await.map(drop)
}

/// Changes an annex so that what is left out is gone from the storage. `change` says whether there is anything to do.
pub(crate) async fn change(
    side: &dyn SideStore,
    tenant: &TenantId,
    name: &str,
    change: impl Fn(&mut Annex) -> bool,
) -> Result<(), StoreError> {
    let key = key(tenant, name)?;
    loop {
        let Some(old) = side.secret(&key).await? else { return Ok(()) };
        let mut annex = Annex::decode(&old, name)?;
        if !change(&mut annex) {
            return Ok(());
        }
        let done = if annex.is_empty() {
            side.delete_secret(&key).await?;
            true
        } else {
            side.rewrap_secret(&key, old, annex.encode()).await?
        };
        // Else another process was faster: what it left is looked at.
        if done {
            return Ok(());
        }
    }
}
