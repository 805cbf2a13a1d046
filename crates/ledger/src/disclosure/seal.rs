//! Splits the withheld members of an event by class, salts and encrypts them.

use std::sync::Arc;

use super::{DataKey, DataKeys, DisclosureError, SealedDisclosure, digest_of, triple_into};
use crate::b64;
use crate::clock::Entropy;
use crate::domain::{Class, EventBody, Withheld};
use crate::ids::{EventId, TenantId};

/// The withheld members of one event, ready.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    /// For `_sd`: base64url, sorted.
    pub(crate) digests: Vec<[u8; 43]>,
    pub(crate) disclosures: Vec<SealedDisclosure>,
}

/// Tenant ‖ event id: the id has a fixed length, so that no two pairs give the same bytes.
pub(super) fn associated_data(tenant: &TenantId, event: &EventId) -> Vec<u8> {
    [tenant.as_str().as_bytes(), event.0.as_bytes()].concat()
}

/// Salts, digests and encrypts the withheld members, one ciphertext a class.
pub(crate) fn seal(
    body: &EventBody,
    tenant: &TenantId,
    event: &EventId,
    keys: &dyn DataKeys,
    entropy: &dyn Entropy,
) -> Result<Sealed, DisclosureError> {
    if body.withheld.is_empty() {
        return Ok(Sealed::default());
    }
    // One by one: asked for together they would look like a key, for which the operating system is asked each time.
    let salts: Vec<[u8; 16]> = body
        .withheld
        .iter()
        .map(|_| {
            let mut salt = [0; 16];
            entropy.fill(&mut salt);
            salt
        })
        .collect();
    let mut salted: Vec<_> = body.withheld.iter().zip(&salts).collect();
    // Members of one class must stand together; the order inside a class says nothing.
    salted.sort_by(|(a, _), (b, _)| rank(&a.class).cmp(&rank(&b.class)));
    let aad = associated_data(tenant, event);
    let mut sealed = Sealed::default();
    for group in salted.chunk_by(|(a, _), (b, _)| a.class == b.class) {
        let class = &group[0].0.class;
        let key = key_of(class, group[0].0.name, tenant, keys)?;
        let plain = zeroize::Zeroizing::new(plaintext(group, &mut sealed.digests)?);
        let ciphertext = key.seal(&aad, &plain, entropy);
        sealed.disclosures.push(SealedDisclosure { class: class.clone(), ciphertext });
    }
    sealed.digests.sort_unstable();
    Ok(sealed)
}

fn rank(class: &Class) -> Option<&str> {
    match class {
        Class::Public | Class::Confidential => None,
        Class::Personal(subject) => Some(subject.as_str()),
    }
}

fn key_of(
    class: &Class,
    name: &'static str,
    tenant: &TenantId,
    keys: &dyn DataKeys,
) -> Result<Arc<DataKey>, DisclosureError> {
    match class {
        Class::Public => Err(DisclosureError::Public(name)),
        Class::Confidential => keys.tenant_key(tenant),
        Class::Personal(subject) => keys.subject_key(tenant, subject),
    }
}

/// A JSON array of the group's triples; the digest of each is added.
fn plaintext(
    group: &[(&Withheld, &[u8; 16])],
    digests: &mut Vec<[u8; 43]>,
) -> Result<Vec<u8>, DisclosureError> {
    let mut plain = vec![b'['];
    for (n, (member, salt)) in group.iter().enumerate() {
        if n > 0 {
            plain.push(b',');
        }
        let start = plain.len();
        triple_into(salt, member.name, &member.value, &mut plain)?;
        digests.push(b64::encode_url_32(&digest_of(&plain[start..])));
    }
    plain.push(b']');
    Ok(plain)
}
