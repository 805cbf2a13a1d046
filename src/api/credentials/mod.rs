//! `/v1/credentials`: keys are made, rotated with overlap and revoked; a secret is shown once.

pub mod create;
pub mod list;
pub mod revoke;
pub mod rotate;

use ledger::apikey::{ApiKey, Environment};
use ledger::ids::TenantId;
use ledger::keys::Kid;
use ledger_aggregates::values::PublicKeyText;
use ledger_store::SecretKind;
use serde::Serialize;
use utoipa::ToSchema;

use super::Receipt;
use crate::app::App;
use crate::commands::Done;
use crate::error::{ApiError, CONFLICT};

/// A new secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewKey {
    /// The credential's id: the second part of the key.
    pub id: String,
    /// The key. It is not kept and cannot be shown again.
    pub key: String,
    /// What was committed.
    pub receipt: Receipt,
}

/// The name of a secret in the vault: it follows from the public key that the event carries.
pub fn secret_id(credential: &str, request_key: &[u8; 32]) -> String {
    format!("{credential}.{}", Kid::of(request_key))
}

/// Makes the check value of a key durable, before the event that lets it in.
///
/// # Errors
/// The store.
pub async fn keep(app: &App, tenant: &TenantId, key: &ApiKey) -> Result<PublicKeyText, ApiError> {
    let secret = app.credentials.secret_of(key);
    let id = secret_id(key.id(), &secret.request_key);
    app.keyring.put(tenant, SecretKind::Credential, &id, &secret.mac).await?;
    super::word("/key", &ledger::b64::encode(secret.request_key))
}

/// A repeated request cannot be given its key again: only its check value was kept, and a new one would not be in force.
///
/// # Errors
/// `conflict`
pub fn shown_once(done: &Done) -> Result<(), ApiError> {
    if done.duplicate {
        return Err(ApiError::new(
            CONFLICT,
            "a key was made under this Idempotency-Key before, and is not shown again",
        )
        .hint("rotate the credential, or make another under a new Idempotency-Key"));
    }
    Ok(())
}

/// Keys of this server are live ones; `test` keys are for trials and work alike.
pub const fn environment(given: ledger_aggregates::values::Environment) -> Environment {
    match given {
        ledger_aggregates::values::Environment::Live => Environment::Live,
        ledger_aggregates::values::Environment::Test => Environment::Test,
    }
}
