//! `GET /v1/routes`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::routes::ROUTE;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// The routes that act.
#[utoipa::path(get, path = "/v1/routes", tag = "integrations", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    Ok(Json(app.list(paged(Query::new(&ROUTE, &caller.tenant).is_text("state", "set"), &page)?).await?))
}
