//! `GET /v1/integrations/{id}/runs`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::Query;
use ledger_aggregates::values::IntegrationId;
use ledger_projections::runs::RUN;

use crate::api::named;
use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Runs of an integration, newest first: what they read, and why they did not.
#[utoipa::path(get, path = "/v1/integrations/{id}/runs", tag = "integrations", params(("id" = String, Path, description = "The integration's id"), PageParams),
    responses((status = 200, description = "A page", body = List)))]
pub async fn runs(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    let query = Query::new(&RUN, &caller.tenant).is("integration", &id);
    let query = query.order_by("started_index").descending();
    let mut list = app.list(paged(query, &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "ended_index", &["detail"]).await?;
    Ok(Json(list))
}
