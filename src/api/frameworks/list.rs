//! `GET /v1/frameworks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::frameworks::FRAMEWORK;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Imported frameworks.
#[utoipa::path(get, path = "/v1/frameworks", tag = "frameworks", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    app.list(paged(Query::new(&FRAMEWORK, &caller.tenant), &page)?).await.map(Json)
}
