//! `GET /v1/controls`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::controls::CONTROL;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Which controls.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ControlFilter {
    /// Only this framework.
    framework: Option<String>,
    /// Only this status.
    status: Option<String>,
    /// Only this group of the catalogue.
    group: Option<String>,
    /// Rows on the page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Controls with their status.
#[utoipa::path(get, path = "/v1/controls", tag = "controls", params(ControlFilter),
    responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<ControlFilter>,
) -> Result<Json<List>, ApiError> {
    let mut query = Query::new(&CONTROL, &caller.tenant);
    for (column, value) in
        [("framework", &filter.framework), ("status", &filter.status), ("group", &filter.group)]
    {
        if let Some(value) = value {
            query = query.is_text(column, value);
        }
    }
    app.list(paged(query, &PageParams { limit: filter.limit, cursor: filter.cursor })?).await.map(Json)
}
