//! `POST /v1/credentials`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger::apikey::ApiKey;
use ledger::ids::{CommandId, StreamId};
use ledger::time::Timestamp;
use ledger_aggregates::credential::{Credential, CredentialCommand, IssueCredential};
use ledger_aggregates::values::{CredentialId, Environment, ProbeId, Role};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{NewKey, environment, keep, shown_once};
use crate::api::{command_id, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::error::ApiError;
use crate::http::body::Json as Body;

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCredential {
    /// admin, probe or viewer.
    #[schema(example = "probe")]
    role: String,
    /// What people call it (confidential).
    label: Option<String>,
    /// When it ends by itself; never without it.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The only probe that it may speak for.
    probe: Option<String>,
    /// live or test; live without it.
    environment: Option<String>,
}

/// Make a key. It is shown in this answer and never again.
#[utoipa::path(post, path = "/v1/credentials", tag = "credentials", request_body = CreateCredential,
    responses((status = 201, description = "The key, shown once", body = NewKey)))]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<CreateCredential>,
) -> Result<(StatusCode, Json<NewKey>), ApiError> {
    let environment_word =
        body.environment.as_deref().map(|text| word::<Environment>("/environment", text)).transpose()?;
    let issue = IssueCredential {
        role: word::<Role>("/role", &body.role)?,
        environment: environment_word.unwrap_or(Environment::Live),
        expires_at: body.expires_at,
        probe: body.probe.as_deref().map(|text| word::<ProbeId>("/probe", text)).transpose()?,
        request_key: word("/key", &ledger::b64::encode([0; 32]))?,
        label: body.label,
    };
    // A repeated request makes another key: the first one's secret is gone, so its id would be of no use.
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    let new = issue_key(&app, &caller, id, issue).await?;
    Ok((StatusCode::CREATED, Json(new)))
}

/// Draws a key, keeps what checks it, and lets it in.
///
/// # Errors
/// What the rules of credentials refuse, or the store.
pub async fn issue_key(
    app: &App,
    caller: &Caller,
    id: CommandId,
    mut issue: IssueCredential,
) -> Result<NewKey, ApiError> {
    let tenant = &caller.tenant;
    let key = ApiKey::generate(environment(issue.environment), &*app.entropy);
    issue.request_key = keep(app, tenant, &key).await?;
    let order =
        Order::new(caller, stream(&word("/id", key.id())?)?, id.clone(), id.as_str().as_bytes()).creates();
    let done = app.command::<Credential>(&order, &CredentialCommand::Issue(issue)).await?;
    shown_once(&done)?;
    app.directory_at(done.position).await?;
    let receipt = app.receipt(tenant, &done).await?;
    Ok(NewKey { id: key.id().to_owned(), key: key.expose().to_string(), receipt })
}

/// The stream of a credential.
///
/// # Errors
/// None for a credential's id.
pub fn stream(id: &CredentialId) -> Result<StreamId, ApiError> {
    StreamId::of("credential", id).map_err(ApiError::internal)
}
