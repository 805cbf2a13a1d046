//! `GET /v1/evidence/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::ids::TenantId;
use ledger::readmodel::Cell;
use ledger_aggregates::values::EvidenceId;
use ledger_projections::evidence::{EVIDENCE, EVIDENCE_ID};
use serde_json::{Map, Value};

use crate::api::named;
use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// One piece of evidence with its confidential members.
#[utoipa::path(get, path = "/v1/evidence/{id}", tag = "evidence", params(("id" = String, Path, description = "The evidence's id")),
    responses((status = 200, description = "The evidence", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    evidence(&app, &caller.tenant, &id).await.map(Json)
}

/// One piece of evidence as JSON.
///
/// # Errors
/// `not-found`
pub async fn evidence(app: &App, tenant: &TenantId, id: &str) -> Result<Map<String, Value>, ApiError> {
    let id: EvidenceId = named("evidence", id)?;
    let unknown = || ApiError::not_found(format!("evidence {id}"));
    let place = app.row(&EVIDENCE_ID, tenant, vec![Cell::of(&id)]).await?.ok_or_else(unknown)?;
    let row = app.row(&EVIDENCE, tenant, vec![place[1].clone()]).await?.ok_or_else(unknown)?;
    let mut item = to_json(&EVIDENCE, &row);
    let index = place[1].as_int().and_then(|index| u64::try_from(index).ok()).unwrap_or(0);
    for members in app.opened(tenant, &[index]).await?.into_values() {
        item.extend(members);
    }
    Ok(item)
}
