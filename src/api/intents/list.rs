//! `GET /v1/intents`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger_projections::intents::INTENT;

use crate::api::page::{InState, List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// What is to be brought about in other systems, newest first: `due`, `running`, `uncertain`, `parked`, `succeeded`, `cancelled`.
#[utoipa::path(get, path = "/v1/intents", tag = "integrations", params(InState, PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(which): Params<InState>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let query = which.newest(&INTENT, &caller.tenant, "requested_index");
    let mut list = app.list(paged(query, &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "detail_index", &["detail"]).await?;
    Ok(Json(list))
}
