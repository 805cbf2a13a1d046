//! Disclosures: the members of an event's data that live outside the log, bound by salted digests (formats.md §6).
//!
//! The digest of each stands in the signed header. All members of one class of one event are encrypted together
//! under the key of that class; leaving the ciphertext out redacts them, destroying the key erases them.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::b64;
use crate::canonical::{self, JsonError};
use crate::domain::Class;
use crate::ids::{EventId, TenantId};

mod datakey;
mod seal;

pub use datakey::{DataKey, DataKeys, NoDataKeys};
pub(crate) use seal::seal;

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
    #[error("these bytes are not disclosures")]
    Format,
    /// A value that has no canonical form.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// An opened member whose digest is not in the header (these ciphers do not commit to the key).
    #[error("the digest of the opened member {0:?} is not in the header")]
    Digest(String),
    /// A member that is marked as withheld, but public.
    #[error("the member {0:?} is withheld and classified as public")]
    Public(&'static str),
}

impl Disclosure {
    /// The canonical JSON `[salt, name, value]`, the salt in base64url.
    ///
    /// # Errors
    /// [`JsonError`] for a value that has no canonical form.
    pub fn to_json(&self) -> Result<Vec<u8>, JsonError> {
        let mut out = Vec::with_capacity(64);
        triple_into(&self.salt, &self.name, &self.value, &mut out)?;
        Ok(out)
    }

    /// Reads `[salt, name, value]`; only its canonical form.
    ///
    /// # Errors
    /// [`DisclosureError`]
    pub fn from_json(bytes: &[u8]) -> Result<Self, DisclosureError> {
        canonical::is_canonical(bytes)?;
        let (salt, name, value): (String, String, Value) =
            serde_json::from_slice(bytes).map_err(|_| DisclosureError::Format)?;
        let salt = b64::decode_url_array(&salt).map_err(|_| DisclosureError::Format)?;
        Ok(Self { name, salt, value })
    }

    /// `SHA-256(base64url([salt, name, value]))`, as RFC 9901 §4.2.3.
    ///
    /// # Errors
    /// [`JsonError`] for a value that has no canonical form.
    pub fn digest(&self) -> Result<[u8; 32], JsonError> {
        self.to_json().map(|json| digest_of(&json))
    }
}

/// The digest of a disclosure's JSON.
fn digest_of(json: &[u8]) -> [u8; 32] {
    Sha256::digest(b64::encode_url(json)).into()
}

fn triple_into(salt: &[u8; 16], name: &str, value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    out.extend_from_slice(b"[\"");
    out.extend_from_slice(b64::encode_url(salt).as_bytes());
    out.extend_from_slice(b"\",");
    canonical::string_into(name, out);
    out.push(b',');
    canonical::value_into(value, out)?;
    out.push(b']');
    Ok(())
}

impl SealedDisclosure {
    /// Opens it and holds every member against the digests of the header.
    ///
    /// # Errors
    /// [`DisclosureError`] names what does not fit.
    pub fn open(
        &self,
        key: &DataKey,
        tenant: &TenantId,
        event: &EventId,
        digests: &[[u8; 32]],
    ) -> Result<Vec<Disclosure>, DisclosureError> {
        let plain = key.open(&seal::associated_data(tenant, event), &self.ciphertext)?;
        let triples: Vec<&serde_json::value::RawValue> =
            serde_json::from_slice(&plain).map_err(|_| DisclosureError::Format)?;
        let open = |triple: &&serde_json::value::RawValue| {
            let disclosure = Disclosure::from_json(triple.get().as_bytes())?;
            if digests.contains(&digest_of(triple.get().as_bytes())) {
                Ok(disclosure)
            } else {
                Err(DisclosureError::Digest(disclosure.name))
            }
        };
        triples.iter().map(open).collect()
    }
}
