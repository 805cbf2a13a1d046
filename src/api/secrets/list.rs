//! `GET /v1/secrets`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::secrets::SECRET;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// The names of secrets, and since when they are as they are. Values are never shown.
#[utoipa::path(get, path = "/v1/secrets", tag = "integrations", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    Ok(Json(app.list(paged(Query::new(&SECRET, &caller.tenant), &page)?).await?))
}
