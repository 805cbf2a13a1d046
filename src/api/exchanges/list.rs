//! `GET /v1/exchanges`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_aggregates::values::{IntentId, RunId};
use ledger_projections::exchanges::EXCHANGE;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::page::{List, PageParams, paged};
use crate::api::word;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Which exchanges.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExchangeFilter {
    /// Only with this integration.
    integration: Option<String>,
    /// Only what served this intent.
    intent: Option<String>,
    /// Only what served this run.
    run: Option<String>,
    /// Rows on the page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Exchanges with other systems, newest first, with their addresses. Secrets stand in none of them.
#[utoipa::path(get, path = "/v1/exchanges", tag = "integrations", params(ExchangeFilter), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<ExchangeFilter>,
) -> Result<Json<List>, ApiError> {
    let mut query = Query::new(&EXCHANGE, &caller.tenant);
    if let Some(integration) = &filter.integration {
        query = query.is_text("integration", integration);
    }
    if let Some(intent) = &filter.intent {
        query = query.is("intent", &Some(word::<IntentId>("intent", intent)?));
    }
    if let Some(run) = &filter.run {
        query = query.is("run", &Some(word::<RunId>("run", run)?));
    }
    let query = query.order_by("index").descending();
    let mut list =
        app.list(paged(query, &PageParams { limit: filter.limit, cursor: filter.cursor })?).await?;
    app.join(&caller.tenant, &mut list.items, "index", &["url", "error"]).await?;
    Ok(Json(list))
}
