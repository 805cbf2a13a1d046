//! Disclosures: the members of an event's data that live outside the log, bound by salted digests (formats.md §6).

use std::sync::Arc;

use serde_json::Value;

use crate::domain::Class;
use crate::ids::{EventId, SubjectId, TenantId};

/// One confidential or personal member, opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosure {
    /// The member's name in `data`.
    pub name: String,
    /// 128 random bits, so that the digest of a guessable value says nothing.
    pub salt: [u8; 16],
    /// The member's value.
    pub value: Value,
}

/// The members of one class of one event, encrypted together under one data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDisclosure {
    /// Whose key opens it; never [`Class::Public`].
    pub class: Class,
    /// Nonce ‖ AES-256-GCM-SIV ciphertext; associated data = tenant ‖ event id.
    pub ciphertext: Vec<u8>,
}

/// Why disclosures cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureError {
    /// The data key is destroyed (the subject was erased) or was never made.
    #[error("the data key does not exist")]
    NoKey,
    /// The keys cannot be reached now; the same call may succeed later.
    #[error("the data keys are not available: {0}")]
    Unavailable(String),
    /// Another key, another event, or changed bytes.
    #[error("the ciphertext does not open under this key for this event")]
    Ciphertext,
    /// The opened bytes are not disclosures.
    #[error("the opened bytes are not disclosures")]
    Format,
    /// An opened member whose digest is not in the header (these ciphers do not commit to the key).
    #[error("the digest of the opened member {0:?} is not in the header")]
    Digest(String),
}

/// A data key: AES-256-GCM-SIV.
#[derive(Clone)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// A key of 32 bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Gives the data keys under which disclosures are sealed.
///
/// A key is durable (wrapped) before it is given out: what is sealed under it must stay readable.
pub trait DataKeys: Send + Sync {
    /// The tenant's key for confidential members.
    ///
    /// # Errors
    /// [`DisclosureError::Unavailable`] if it can be neither read nor made.
    fn tenant_key(&self, tenant: &TenantId) -> Result<Arc<DataKey>, DisclosureError>;

    /// The key of one data subject in the tenant.
    ///
    /// # Errors
    /// [`DisclosureError::NoKey`] if the subject was erased, [`DisclosureError::Unavailable`] otherwise.
    fn subject_key(&self, tenant: &TenantId, subject: &SubjectId) -> Result<Arc<DataKey>, DisclosureError>;
}

impl Disclosure {
    /// `SHA-256(base64url(JSON [salt, name, value]))`, the JSON canonical, the salt in base64url.
    pub fn digest(&self) -> [u8; 32] {
        unreachable!()
    }
}

impl SealedDisclosure {
    /// Opens it and holds every member against the digests of the header.
    ///
    /// # Errors
    /// [`DisclosureError`] names what does not fit.
    pub fn open(
        &self,
        _key: &DataKey,
        _tenant: &TenantId,
        _event: &EventId,
        _digests: &[[u8; 32]],
    ) -> Result<Vec<Disclosure>, DisclosureError> {
        Err(DisclosureError::Format)
    }
}
