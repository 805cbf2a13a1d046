//! `POST /v1/tenants`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::{SubjectId, TenantId, uuid_v7};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::credentials::NewKey;
use crate::api::credentials::create::issue_key;
use crate::api::{command_id, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::Json as Body;
use ledger_aggregates::credential::IssueCredential;
use ledger_aggregates::values::{Environment, Role};

/// A tenant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// What people call it (confidential).
    pub name: String,
    /// Whom to ask (personal).
    pub contact: Option<String>,
}

/// A tenant that was made, with its first key.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedTenant {
    /// Its id.
    tenant: String,
    /// The origin line of its checkpoints.
    origin: String,
    /// The data subject's id of its contact in the log of `system`, by which it can be held or erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_subject: Option<String>,
    /// Its trust file: give it to whoever will verify exports.
    pub trust: String,
    /// Its first admin key, shown this once.
    pub admin: NewKey,
}

/// Make a tenant: its log with genesis and keys, and a first admin key.
#[utoipa::path(post, path = "/v1/tenants", tag = "tenants", request_body = CreateTenant,
    responses((status = 201, description = "Made", body = CreatedTenant)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<CreateTenant>,
) -> Result<(StatusCode, Json<CreatedTenant>), ApiError> {
    let tenant: TenantId = word("/id", &uuid_v7(&*app.clock, &*app.entropy).to_string())?;
    let contact = match body.contact {
        Some(contact) => Some((
            SubjectId::new(uuid_v7(&*app.clock, &*app.entropy).to_string()).map_err(ApiError::internal)?,
            contact,
        )),
        None => None,
    };
    let contact_subject = contact.as_ref().map(|(subject, _)| subject.to_string());
    let system = Caller { principal: Arc::clone(&caller.principal), tenant: TenantId::system() };
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let log = app.onboard(&system, id, &tenant, body.name, contact).await?;
    let own = Caller { principal: Arc::clone(&caller.principal), tenant: tenant.clone() };
    let id = command_id(&HeaderMap::new(), &*app.clock, &*app.entropy)?;
    let admin = issue_key(&app, &own, id, first_admin()?).await?;
    let trust = crate::history::export::trust_file(&app, &log).to_string();
    Ok((
        StatusCode::CREATED,
        Json(CreatedTenant {
            tenant: tenant.to_string(),
            origin: log.info.origin.clone(),
            contact_subject,
            trust,
            admin,
        }),
    ))
}

/// The first key of a tenant.
///
/// # Errors
/// None.
pub fn first_admin() -> Result<IssueCredential, ApiError> {
    Ok(IssueCredential {
        role: Role::Admin,
        environment: Environment::Live,
        expires_at: None,
        probe: None,
        request_key: word("/key", &ledger::b64::encode([0; 32]))?,
        label: Some("first admin key".to_owned()),
    })
}
