//! Opening disclosures: what of an event's confidential and personal members can still be read.

use std::collections::BTreeMap;

use ledger::disclosure::{DataKeys, Disclosure, DisclosureError};
use ledger::domain::Class;
use ledger::event::Header;
use ledger::ids::TenantId;
use ledger_store::keyring::{Keyring, KeyringError};
use ledger_store::{SideStore, StoreError, StoredEvent};

/// Disclosures that cannot be opened although they should.
#[derive(Debug, thiserror::Error)]
pub enum DiscloseError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A ciphertext or its digest.
    #[error("entry {index}: {source}")]
    Disclosure {
        /// Whose disclosure.
        index: u64,
        /// What does not fit.
        source: DisclosureError,
    },
    /// A stored header that cannot be read.
    #[error("entry {0} cannot be read")]
    Header(u64),
}

/// The opened members of some events, by index; what is erased or was never withheld is missing.
///
/// # Errors
/// [`DiscloseError`]
pub async fn open(
    side: &dyn SideStore,
    keyring: &Keyring,
    tenant: &TenantId,
    events: &[StoredEvent],
) -> Result<BTreeMap<u64, Vec<Disclosure>>, DiscloseError> {
    let indexes: Vec<u64> = events.iter().map(|event| event.index).collect();
    let mut opened: BTreeMap<u64, Vec<Disclosure>> = BTreeMap::new();
    let stored = side.disclosures(tenant, &indexes).await?;
    for sealed in stored {
        let index = sealed.index;
        let failed = |source| DiscloseError::Disclosure { index, source };
        let key = match &sealed.disclosure.class {
            Class::Personal(subject) if !keyring.load_subject(tenant, subject).await? => continue,
            Class::Personal(subject) => keyring.subject_key(tenant, subject).map_err(failed)?,
            Class::Public | Class::Confidential => keyring.tenant_key(tenant).map_err(failed)?,
        };
        let event = events.iter().find(|event| event.index == index).ok_or(DiscloseError::Header(index))?;
        let header = Header::parse_trusted(&event.header).map_err(|_| DiscloseError::Header(index))?;
        let members = sealed.disclosure.open(&key, tenant, &header.id, &header.sd).map_err(failed)?;
        opened.entry(index).or_default().extend(members);
    }
    Ok(opened)
}

/// The text of a disclosure whose SHA-256 stands in `_sd`.
///
/// # Errors
/// [`DisclosureError`] for a value without canonical form, which no stored disclosure has.
pub fn text(disclosure: &Disclosure) -> Result<String, DisclosureError> {
    Ok(ledger::b64::encode_url(disclosure.to_json()?))
}
