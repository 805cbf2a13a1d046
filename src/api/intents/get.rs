//! `GET /v1/intents/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::{Cell, Query};
use ledger_aggregates::values::IntentId;
use ledger_projections::exchanges::EXCHANGE;
use ledger_projections::intents::INTENT;
use serde_json::{Map, Value, json};

use crate::api::named;
use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Exchanges that one answer names: attempts are bounded, and so are their steps.
const EXCHANGES_MAX: usize = 200;

/// One piece of work: what is to be brought about, why it waits, how it ended, and its exchanges.
#[utoipa::path(get, path = "/v1/intents/{id}", tag = "integrations", params(("id" = String, Path, description = "The intent's id")),
    responses((status = 200, description = "The intent", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let id: IntentId = named("intent", &id)?;
    let unknown = || ApiError::not_found(format!("intent {id}"));
    let row = app.row(&INTENT, &caller.tenant, vec![Cell::of(&id)]).await?.ok_or_else(unknown)?;
    let mut items = [to_json(&INTENT, &row)];
    app.join(&caller.tenant, &mut items, "requested_index", &["payload"]).await?;
    app.join(&caller.tenant, &mut items, "detail_index", &["detail"]).await?;
    app.join(&caller.tenant, &mut items, "result_index", &["result"]).await?;
    let [mut item] = items;
    let query = Query::new(&EXCHANGE, &caller.tenant).is("intent", &Some(id)).limit(EXCHANGES_MAX);
    let mut exchanges = app.list(query).await?.items;
    exchanges.sort_by_key(|exchange| exchange.get("index").and_then(Value::as_u64));
    app.join(&caller.tenant, &mut exchanges, "index", &["url", "error"]).await?;
    item.insert("exchanges".into(), json!(exchanges));
    Ok(Json(item))
}
