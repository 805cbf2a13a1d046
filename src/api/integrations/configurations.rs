//! `GET /v1/integrations/{id}/configurations`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::Query;
use ledger_aggregates::values::IntegrationId;
use ledger_projections::configurations::CONFIGURATION;

use crate::api::named;
use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Every configuration that an integration has had, the newest first. Secrets stand in them by name only.
#[utoipa::path(get, path = "/v1/integrations/{id}/configurations", tag = "integrations", params(("id" = String, Path, description = "The integration's id"), PageParams),
    responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    let query = Query::new(&CONFIGURATION, &caller.tenant).is("integration", &id).descending();
    let mut list = app.list(paged(query, &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "config_index", &["config", "endpoint"]).await?;
    Ok(Json(list))
}
