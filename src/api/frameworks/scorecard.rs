//! `GET /v1/scorecards` and `GET /v1/frameworks/{id}/scorecard/history`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::Query;
use ledger_aggregates::values::FrameworkId;
use ledger_projections::scorecards::{SCORECARD, SCORECARD_HISTORY};

use crate::api::named;
use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// How many controls of each framework have which status.
#[utoipa::path(get, path = "/v1/scorecards", tag = "controls", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    app.list(paged(Query::new(&SCORECARD, &caller.tenant), &page)?).await.map(Json)
}

/// How a framework's scorecard was at the end of each hour in which it changed, newest first.
#[utoipa::path(get, path = "/v1/frameworks/{id}/scorecard/history", tag = "controls",
    params(("id" = String, Path, description = "The framework's id"), PageParams),
    responses((status = 200, description = "A page", body = List)))]
pub async fn history(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let id: FrameworkId = named("framework", &id)?;
    let query = Query::new(&SCORECARD_HISTORY, &caller.tenant).is("framework", &id).descending();
    app.list(paged(query, &page)?).await.map(Json)
}
