//! The manifest of an export: path, size and SHA-256 of every other file, signed by the log's checkpoint key.
//!
//! It is a DSSE envelope. One manifest has one spelling: the file must equal what this module writes for what it
//! reads, so that no byte of it can change unnoticed; members that are not known are refused.

mod envelope;

use serde::{Deserialize, Serialize};

pub use envelope::{MANIFEST_BYTES_MAX, MANIFEST_TYPE};

use crate::ids::TenantId;
use crate::keys::Kid;
use crate::note::{NoteSigner, VerifierKey};
use crate::time::Timestamp;

/// The version of the format.
pub const MANIFEST_VERSION: u8 = 1;

/// What an export contains. Members stand in the order of RFC 8785.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Every other file, sorted by path.
    pub files: Vec<ManifestFile>,
    /// The log's origin.
    pub origin: String,
    /// Why it was exported, in the exporter's words.
    pub purpose: String,
    /// What was left out on purpose, for example `confidential`.
    pub redactions: Vec<String>,
    /// Whose log.
    pub tenant: TenantId,
    /// When it was exported.
    pub time: Timestamp,
    /// [`MANIFEST_VERSION`].
    pub v: u8,
}

/// One file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Its path, with `/`, below the export's directory.
    pub path: String,
    /// SHA-256 of its bytes, lower-case hex.
    #[serde(with = "hex32")]
    pub sha256: [u8; 32],
    /// Its length.
    pub size: u64,
}

/// Why a file is not a manifest, or why a manifest does not convince.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Above [`MANIFEST_BYTES_MAX`].
    #[error("a manifest of {0} bytes is too long")]
    TooLong(usize),
    /// Not a DSSE envelope with one signature.
    #[error("not a DSSE envelope with one signature: {0}")]
    Envelope(String),
    /// Another payload type.
    #[error("the payload type is {0:?}, not {MANIFEST_TYPE}")]
    Type(String),
    /// Not base64 as the format wants it.
    #[error("{0} is not strict base64 of the right length")]
    Base64(&'static str),
    /// Another spelling than the canonical one.
    #[error("{0} is not in its canonical form (RFC 8785)")]
    NotCanonical(&'static str),
    /// Signed by another key.
    #[error("signed by key {found}, not by the log's key {expected}")]
    KeyId {
        /// The id of the log's checkpoint key.
        expected: Kid,
        /// What the envelope says.
        found: String,
    },
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// The payload has not the members of a manifest.
    #[error("not a manifest: {0}")]
    Payload(String),
    /// A version that this program does not know.
    #[error("version {0} is not known; a newer program may read it")]
    Version(u8),
    /// A path that is absolute, leaves the directory, stands twice or out of order.
    #[error("the path {0:?} is not allowed, not in order or there twice")]
    Path(String),
}

/// Is this a path that a manifest may list: relative, plain ASCII, without `.` and `..` parts?
pub fn is_manifest_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
    path.len() <= 1024 && path.split('/').all(part) && path != crate::bundle::MANIFEST
}

impl Manifest {
    /// The manifest's file, signed by the log's checkpoint key.
    ///
    /// # Errors
    /// [`ManifestError::Path`] if a path is not allowed; sort the files first.
    pub fn sign(&self, signer: &NoteSigner) -> Result<Vec<u8>, ManifestError> {
        self.check()?;
        Ok(envelope::seal(&envelope::canonical(self), signer))
    }

    /// Reads a manifest's file and verifies it against the log's checkpoint key.
    ///
    /// # Errors
    /// [`ManifestError`] says what does not hold.
    pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<Self, ManifestError> {
        let payload = envelope::open(bytes, key)?;
        let manifest: Self =
            serde_json::from_slice(&payload).map_err(|error| ManifestError::Payload(error.to_string()))?;
        if envelope::canonical(&manifest) != payload {
            return Err(ManifestError::NotCanonical("the payload"));
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// Any payload in an envelope of the log's key, as a faulty exporter could make it: for tests of readers.
    #[doc(hidden)]
    pub fn seal_payload(payload: &[u8], signer: &NoteSigner) -> Vec<u8> {
        envelope::seal(payload, signer)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.v != MANIFEST_VERSION {
            return Err(ManifestError::Version(self.v));
        }
        let mut before = "";
        for file in &self.files {
            if !is_manifest_path(&file.path) || *file.path <= *before {
                return Err(ManifestError::Path(file.path.clone()));
            }
            before = &file.path;
        }
        Ok(())
    }
}

mod hex32 {
    //! 32 bytes as lower-case hex.

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::bundle::hex(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        crate::bundle::unhex(&text).ok_or_else(|| D::Error::custom("not 64 lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests;
