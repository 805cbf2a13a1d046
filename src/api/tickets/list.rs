//! `GET /v1/tickets`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger_projections::tickets::TICKET;

use crate::api::page::{InState, List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Tickets in other systems, newest first.
#[utoipa::path(get, path = "/v1/tickets", tag = "integrations", params(InState, PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(which): Params<InState>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let query = which.newest(&TICKET, &caller.tenant, "requested_index");
    let mut list = app.list(paged(query, &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "remote_index", &["remote"]).await?;
    Ok(Json(list))
}
