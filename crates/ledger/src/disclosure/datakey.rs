//! Data keys: AES-256-GCM-SIV (RFC 8452), which forgives a repeated nonce.

use std::fmt;
use std::sync::Arc;

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use zeroize::Zeroizing;

use super::DisclosureError;
use crate::clock::Entropy;
use crate::ids::{SubjectId, TenantId};

/// The nonce stands before the ciphertext.
pub(crate) const NONCE_LEN: usize = 12;

/// A data key.
#[derive(Clone)]
pub struct DataKey(Aes256GcmSiv);

impl DataKey {
    /// A key of 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Aes256GcmSiv::new(bytes.into()))
    }

    /// 32 bytes for a new key.
    pub fn generate(entropy: &dyn Entropy) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        bytes
    }

    /// Encrypts bytes that are not disclosures, blobs say, bound to what they are by `aad`: nonce ‖ ciphertext.
    pub fn seal(&self, aad: &[u8], plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let sealed = self.0.encrypt(&Nonce::from(nonce), Payload { msg: plain, aad });
        let sealed = sealed.expect("a plaintext below 64 GiB is encrypted into memory");
        [&nonce[..], &sealed].concat()
    }

    /// Decrypts what [`Self::seal`] gave.
    ///
    /// # Errors
    /// [`DisclosureError::Ciphertext`]: another key, another `aad`, or changed bytes.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DisclosureError> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(DisclosureError::Ciphertext)?;
        let plain = self.0.decrypt(&Nonce::from(*nonce), Payload { msg, aad });
        plain.map(Zeroizing::new).map_err(|_| DisclosureError::Ciphertext)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
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

/// For events without withheld members, those of key streams above all: there are no data keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDataKeys;

impl DataKeys for NoDataKeys {
    fn tenant_key(&self, _: &TenantId) -> Result<Arc<DataKey>, DisclosureError> {
        Err(DisclosureError::NoKey)
    }

    fn subject_key(&self, _: &TenantId, _: &SubjectId) -> Result<Arc<DataKey>, DisclosureError> {
        Err(DisclosureError::NoKey)
    }
}
