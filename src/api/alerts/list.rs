//! `GET /v1/alerts`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::alerts::ALERT;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Which alerts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlertFilter {
    /// Only this state: raised, acknowledged or resolved.
    state: Option<String>,
    /// Rows on the page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/v1/alerts", tag = "alerts", params(AlertFilter),
    responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<AlertFilter>,
) -> Result<Json<List>, ApiError> {
    let mut query = Query::new(&ALERT, &caller.tenant).order_by("raised_index").descending();
    if let Some(state) = &filter.state {
        query = query.is_text("state", state);
    }
    let mut list =
        app.list(paged(query, &PageParams { limit: filter.limit, cursor: filter.cursor })?).await?;
    app.join(&caller.tenant, &mut list.items, "raised_index", &["detail"]).await?;
    Ok(Json(list))
}
