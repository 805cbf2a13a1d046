//! `/tlog/<tenant id>/`: the tenant's log as C2SP tlog-tiles, for verifiers that nobody here wrote.
//!
//! Unknown and forbidden both answer 404, so that nobody learns which tenants exist.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ledger::ids::TenantId;
use ledger::tile::{EntriesId, Resource, push_entry};
use ledger_store::Read;

use crate::app::App;
use crate::auth::policy::{Permission, allows};
use crate::error::ApiError;
use crate::history::proof;
use crate::runtime::witness;

/// Full tiles never change.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";
/// The same for files that anybody may have: caches between keep them too.
const IMMUTABLE_FOR_ALL: &str = "public, max-age=31536000, immutable";
/// Checkpoints and partial tiles do.
const FRESH: &str = "no-cache";

/// A file of the log.
#[utoipa::path(get, path = "/tlog/{tenant}/{*resource}", tag = "log",
    params(("tenant" = String, Path, description = "The tenant's id"),
           ("resource" = String, Path, description = "checkpoint, tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>] (C2SP tlog-tiles)")),
    responses((status = 200, description = "The file", content_type = "application/octet-stream"),
              (status = 404, description = "Unknown or forbidden")))]
pub async fn file(
    State(app): State<Arc<App>>,
    Path((tenant, resource)): Path<(String, String)>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("this file of a log");
    let tenant = TenantId::new(&tenant).map_err(|_| unknown())?;
    let resource: Resource = resource.parse().map_err(|_| unknown())?;
    let open = app.config.ledger.public_tiles && !matches!(resource, Resource::Entries(_));
    if !open {
        let principal = app.credentials.authenticate(&mut request).await?;
        if !allows(&principal, &tenant, Permission::Read) {
            return Err(unknown());
        }
    }
    let size = app.store.log_head(&tenant).await?.ok_or_else(unknown)?.size;
    let (bytes, cache) = match resource {
        Resource::Checkpoint => {
            // What enough witnesses have cosigned, where there are any: a client that asks for a quorum finds it.
            let cosigned = if tenant.is_system() { witness::latest(&app).await } else { None };
            let kept = match cosigned {
                Some(cosigned) => cosigned,
                None => app.side.checkpoint(&tenant).await?.ok_or_else(unknown)?,
            };
            return Ok((
                [(header::CACHE_CONTROL, FRESH), (header::CONTENT_TYPE, "text/plain; charset=utf-8")],
                kept.note,
            )
                .into_response());
        }
        Resource::Tile(tile) if tile.exists_in(size) => {
            (app.store.tile(&tenant, &tile).await?.ok_or_else(unknown)?, caching(tile.width, open))
        }
        Resource::Entries(id) if EntriesId::at(id.index, size).is_some_and(|full| id.width <= full.width) => {
            (entries(&app, &tenant, id).await?, caching(id.width, open))
        }
        Resource::Tile(_) | Resource::Entries(_) => return Err(unknown()),
    };
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}

const fn caching(width: u16, open: bool) -> &'static str {
    match width {
        256 if open => IMMUTABLE_FOR_ALL,
        256 => IMMUTABLE,
        _ => FRESH,
    }
}

async fn entries(app: &App, tenant: &TenantId, id: EntriesId) -> Result<Vec<u8>, ApiError> {
    let (mut next, end) = (id.index * 256, id.index * 256 + u64::from(id.width));
    let mut bundle = Vec::new();
    // A page may be short by its weight: read on until the bundle is full.
    while next < end {
        let limit = usize::try_from(end - next).unwrap_or(256);
        let page = app.store.read(Read::log(tenant, next).limit(limit)).await?;
        for event in &page.events {
            push_entry(&mut bundle, &proof::entry(event)?).map_err(ApiError::internal)?;
        }
        if page.next <= next {
            return Err(ApiError::internal("the log ended before its size"));
        }
        next = page.next;
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_between_keep_what_is_full_and_for_all() {
        assert!(caching(256, true).starts_with("public") && caching(256, true).contains("immutable"));
        assert!(caching(256, false).starts_with("private"));
        assert_eq!((caching(255, true), caching(1, false)), (FRESH, FRESH));
    }
}
