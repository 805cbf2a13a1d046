//! `/v1/blobs`: files that evidence refers to, encrypted under the tenant's key.
//!
//! A blob's id follows from its content under a key of the tenant's, so that the same file is kept once and the id says
//! nothing about the content to others.

pub mod get;
pub mod put;

use ledger::ids::TenantId;
use ledger_aggregates::evidence::BlobRef;
use ledger_store::BlobId;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::api::evidence::input::BlobInput;
use crate::app::App;
use crate::error::{ApiError, INVALID};

/// The id of a content: the first 16 bytes of its MAC under the tenant's key, in hex.
pub fn id_of(app: &App, tenant: &TenantId, content: &[u8]) -> Result<BlobId, ApiError> {
    let mac = app.log(tenant)?.keys.body_mac(&Sha256::digest(content));
    let hex: String = mac[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    BlobId::new(&hex).ok_or_else(|| ApiError::internal("a blob id is 32 hex digits"))
}

/// A blob's content; `None`: it is not there (any more).
///
/// # Errors
/// The store, or a ciphertext that does not open.
pub async fn open(app: &App, tenant: &TenantId, id: &BlobId) -> Result<Option<Vec<u8>>, ApiError> {
    let Some(sealed) = app.side.blob(tenant, id).await? else { return Ok(None) };
    let log = app.log(tenant)?;
    let plain = log.keys.data_key().open(id.as_str().as_bytes(), &sealed).map_err(ApiError::internal)?;
    Ok(Some(plain.to_vec()))
}

/// What events say of the files that a submission names.
///
/// # Errors
/// `invalid`: a file that was not uploaded.
pub async fn resolve(app: &App, tenant: &TenantId, files: Vec<BlobInput>) -> Result<Vec<BlobRef>, ApiError> {
    let mut refs = Vec::with_capacity(files.len());
    for (at, file) in files.into_iter().enumerate() {
        let missing = || {
            let detail = format!("there is no blob {:?}", file.id);
            ApiError::new(INVALID, detail.clone())
                .at(format!("/blobs/{at}/id"), detail)
                .hint("upload it first: POST /v1/blobs")
        };
        let id = BlobId::new(&file.id).ok_or_else(missing)?;
        let content = open(app, tenant, &id).await?.ok_or_else(missing)?;
        let sha256 = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        refs.push(BlobRef {
            id: file.id,
            name: file.name,
            media_type: file.media_type,
            sha256,
            size: content.len() as u64,
        });
    }
    Ok(refs)
}

/// The ids in a disclosed `blobs` member.
pub fn ids_in(value: &Value) -> Vec<BlobId> {
    let id = |blob: &Value| blob.get("id").and_then(Value::as_str).and_then(BlobId::new);
    value.as_array().into_iter().flatten().filter_map(id).collect()
}
