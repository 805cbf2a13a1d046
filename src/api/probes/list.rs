//! `GET /v1/probes`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::probes::PROBE;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Probes, when they were last heard of and what waits in their spools.
#[utoipa::path(get, path = "/v1/probes", tag = "probes", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let mut list = app.list(paged(Query::new(&PROBE, &caller.tenant), &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "name_index", &["name"]).await?;
    Ok(Json(list))
}
