//! `GET /v1/intents`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::intents::INTENT;
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

/// What is to be brought about in other systems, newest first: `due`, `running`, `uncertain`, `parked`, `succeeded`, `cancelled`.
#[utoipa::path(get, path = "/v1/intents", tag = "integrations", params(Which, PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(which): Params<Which>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let query = match &which.state {
        Some(state) => Query::new(&INTENT, &caller.tenant).is_text("state", state),
        None => Query::new(&INTENT, &caller.tenant),
    };
    let query = query.order_by("requested_index").descending();
    let mut list = app.list(paged(query, &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "detail_index", &["detail"]).await?;
    Ok(Json(list))
}
