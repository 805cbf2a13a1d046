//! Does a key file fit a store? Asked of one secret, without opening anything.

use ledger::ids::TenantId;
use ledger::secretbox::{Kek, SecretError};

use super::{FIRST, purpose, secret_key};
use crate::{SecretKey, SecretKind};

/// A secret that every ledger has from its first start on.
pub fn first_secret() -> SecretKey {
    secret_key(&TenantId::system(), SecretKind::CheckpointKey, FIRST)
}

/// Does `kek` unwrap the store's [first secret](first_secret)?
///
/// # Errors
/// It was wrapped under another key, which the error names, or is damaged.
pub fn fits(kek: &Kek, wrapped: &[u8]) -> Result<(), SecretError> {
    let SecretKey { tenant, kind, id } = first_secret();
    kek.unwrap(&purpose(&tenant, kind, &id), wrapped).map(drop)
}
