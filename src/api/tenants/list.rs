//! `GET /v1/tenants`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::ids::TenantId;
use ledger::readmodel::Query;
use ledger_projections::tenants::TENANT;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// All tenants of this ledger.
#[utoipa::path(get, path = "/v1/tenants", tag = "tenants", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    _operator: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let system = TenantId::system();
    let mut list = app.list(paged(Query::new(&TENANT, &system), &page)?).await?;
    app.join(&system, &mut list.items, "name_index", &["display_name"]).await?;
    Ok(Json(list))
}
