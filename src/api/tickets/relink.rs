//! `POST /v1/tickets/{id}/relink`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_connectors::protocol::RemoteRef;
use serde::Deserialize;
use utoipa::ToSchema;

use super::order;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::operate;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// Another ticket at the other side.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RelinkTicket {
    /// Its permanent id there: Jira's numeric issue id, ServiceNow's `sys_id`.
    remote_id: String,
    /// What people call it, for example `GOV-12`.
    key: Option<String>,
    /// Where people see it.
    url: Option<String>,
}

/// Let another ticket at the other side take this one's place, for example after it was deleted and made again by hand.
#[utoipa::path(post, path = "/v1/tickets/{id}/relink", tag = "tickets", params(("id" = String, Path, description = "The ticket's id")),
    request_body = RelinkTicket, responses((status = 201, description = "Linked", body = Changed), (status = 404, description = "There is no such ticket"), (status = 409, description = "It is over")))]
pub async fn relink(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: RelinkTicket = shape(canonical.as_bytes())?;
    let remote = RemoteRef { id: body.remote_id, key: body.key, url: body.url };
    let command = operate::relink(&app, &caller.tenant, &remote)?;
    order(&app, &caller, &id, &headers, ("relink", canonical.as_bytes()), &command).await
}
