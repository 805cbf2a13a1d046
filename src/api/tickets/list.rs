//! `GET /v1/tickets`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::tickets::TICKET;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Which of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only in this state.
    state: Option<String>,
}

/// Tickets in other systems, newest first.
#[utoipa::path(get, path = "/v1/tickets", tag = "integrations", params(Which, PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(which): Params<Which>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let query = match &which.state {
        Some(state) => Query::new(&TICKET, &caller.tenant).is_text("state", state),
        None => Query::new(&TICKET, &caller.tenant),
    };
    let query = query.order_by("requested_index").descending();
    let mut list = app.list(paged(query, &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "remote_index", &["remote"]).await?;
    Ok(Json(list))
}
