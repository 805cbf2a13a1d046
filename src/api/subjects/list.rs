//! `GET /v1/subjects`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::subjects::SUBJECT;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Data subjects that something happened to: holds, releases, erasures.
#[utoipa::path(get, path = "/v1/subjects", tag = "subjects", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    app.list(paged(Query::new(&SUBJECT, &caller.tenant), &page)?).await.map(Json)
}
