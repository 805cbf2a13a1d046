//! `GET /v1/integrations`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::integrations::INTEGRATION;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// The registry of integrations.
#[utoipa::path(get, path = "/v1/integrations", tag = "integrations", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let mut list = app.list(paged(Query::new(&INTEGRATION, &caller.tenant), &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "name_index", &["name", "endpoint"]).await?;
    Ok(Json(list))
}
