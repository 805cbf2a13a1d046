//! The one way a route comes into the router: with the permission that it needs.
//!
//! The same call writes the permission into the OpenAPI document and puts the check before the handler, so that neither
//! can be forgotten.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ledger::ids::TenantId;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::app::App;
use crate::auth::policy::{Permission, allows};
use crate::auth::principal::{Caller, Principal};
use crate::auth::signature::{SIGNATURE_INPUT, replayable};
use crate::error::{ApiError, FORBIDDEN, MALFORMED};

/// The header by which an operator names the tenant that he acts for.
pub const TENANT: HeaderName = HeaderName::from_static("ledger-tenant");

/// The header by which a client reads its own writes: the index of a receipt.
pub const MIN_INDEX: HeaderName = HeaderName::from_static("ledger-min-index");

/// A route with the permission that it needs.
pub fn guarded(
    app: Option<&Arc<App>>,
    permission: Permission,
    (schemas, mut paths, router): UtoipaMethodRouter<Arc<App>>,
) -> UtoipaMethodRouter<Arc<App>> {
    for operation in paths.paths.values_mut().flat_map(operations) {
        document(operation, permission);
    }
    // Without an app only the document is wanted: the routes then have no state and cannot be served.
    let router = match app {
        Some(app) if permission != Permission::Public => {
            router.layer(from_fn_with_state(Gate { app: Arc::clone(app), permission }, check))
        }
        _ => router,
    };
    (schemas, paths, router)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch]
        .into_iter()
        .filter_map(Option::as_mut)
}

fn document(operation: &mut Operation, permission: Permission) {
    operation.extensions = Some(ExtensionsBuilder::new().add("x-permission", permission.as_str()).build());
    if permission != Permission::Public {
        operation.security = Some(vec![SecurityRequirement::new("apiKey", [] as [&str; 0])]);
    }
}

#[derive(Debug, Clone)]
struct Gate {
    app: Arc<App>,
    permission: Permission,
}

async fn check(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    match admit(&gate, &mut request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn admit(gate: &Gate, request: &mut Request) -> Result<Caller, ApiError> {
    let signed = request.headers().contains_key(SIGNATURE_INPUT);
    let principal = match request.extensions().get::<Arc<Principal>>() {
        // The local socket has named its operator already.
        Some(principal) => Arc::clone(principal),
        None => gate.app.credentials.authenticate(request).await?,
    };
    if signed && !replayable(gate.permission) {
        return Err(ApiError::new(
            FORBIDDEN,
            "a signed request could be replayed: this operation takes a bearer key only",
        ));
    }
    let tenant = tenant_of(&gate.app, request.headers(), &principal)?;
    if allows(&principal, &tenant, gate.permission) {
        own_writes(&gate.app, request.headers(), &tenant).await?;
        Ok(Caller { principal, tenant })
    } else if principal.tenant == tenant || principal.operator {
        Err(ApiError::new(
            FORBIDDEN,
            format!("the role {} lacks the permission {}", principal.role.as_str(), gate.permission.as_str()),
        ))
    } else {
        Err(ApiError::not_found(format!("tenant {tenant}")))
    }
}

/// A client that names the index of its receipt is answered from read models that have it.
async fn own_writes(app: &App, headers: &HeaderMap, tenant: &TenantId) -> Result<(), ApiError> {
    let Some(value) = headers.get(MIN_INDEX) else { return Ok(()) };
    let index = value.to_str().ok().and_then(|text| text.parse().ok());
    let index = index.ok_or_else(|| {
        ApiError::new(MALFORMED, "the header Ledger-Min-Index is not the index of an entry")
    })?;
    app.folded(tenant, index).await
}

fn tenant_of(app: &App, headers: &HeaderMap, principal: &Principal) -> Result<TenantId, ApiError> {
    let Some(value) = headers.get(TENANT) else {
        // An operator's own tenant is the system; what he does most is for the first tenant.
        return Ok(if principal.operator { app.first_tenant() } else { principal.tenant.clone() });
    };
    value
        .to_str()
        .ok()
        .and_then(|text| TenantId::new(text).ok())
        .ok_or_else(|| ApiError::new(MALFORMED, "the header Ledger-Tenant is not a tenant id"))
}
