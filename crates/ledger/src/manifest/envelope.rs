//! The DSSE envelope of a manifest.

use serde::{Deserialize, Serialize};

use super::ManifestError;
use crate::b64;
use crate::dsse::pae;
use crate::keys::Kid;
use crate::note::{NoteSigner, VerifierKey};

/// The payload type of a manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.integration-ledger.manifest+json";
/// A manifest is refused above this size; one of a million events has 2 MB.
pub const MANIFEST_BYTES_MAX: usize = 256 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: [Signature; 1],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    keyid: String,
    sig: String,
}

/// RFC 8785, for types whose members are declared in its order and are strings, small integers and lists.
pub(super) fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings, integers and lists always serialise")
}

pub(super) fn seal(payload: &[u8], signer: &NoteSigner) -> Vec<u8> {
    canonical(&Envelope {
        payload: b64::encode(payload),
        payload_type: MANIFEST_TYPE.to_owned(),
        signatures: [Signature {
            keyid: Kid::of(signer.verifier().public_key()).to_string(),
            sig: b64::encode(signer.sign_bytes(&pae(MANIFEST_TYPE, payload))),
        }],
    })
}

/// The payload, its signature verified.
pub(super) fn open(bytes: &[u8], key: &VerifierKey) -> Result<Vec<u8>, ManifestError> {
    if bytes.len() > MANIFEST_BYTES_MAX {
        return Err(ManifestError::TooLong(bytes.len()));
    }
    let envelope: Envelope =
        serde_json::from_slice(bytes).map_err(|error| ManifestError::Envelope(error.to_string()))?;
    if canonical(&envelope) != bytes {
        return Err(ManifestError::NotCanonical("the envelope"));
    }
    if envelope.payload_type != MANIFEST_TYPE {
        return Err(ManifestError::Type(envelope.payload_type));
    }
    let [signature] = envelope.signatures;
    let expected = Kid::of(key.public_key());
    if signature.keyid != expected.to_string() {
        return Err(ManifestError::KeyId { expected, found: signature.keyid });
    }
    let payload = b64::decode(&envelope.payload).map_err(|_| ManifestError::Base64("the payload"))?;
    let sig = b64::decode_array(&signature.sig).map_err(|_| ManifestError::Base64("the signature"))?;
    if key.verify_bytes(&pae(MANIFEST_TYPE, &payload), &sig) {
        Ok(payload)
    } else {
        Err(ManifestError::Signature)
    }
}
