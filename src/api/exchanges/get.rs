//! `GET /v1/exchanges/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::Cell;
use ledger_aggregates::values::ExchangeId;
use ledger_projections::exchanges::EXCHANGE;
use serde_json::{Map, Value};

use crate::api::named;
use crate::api::page::to_json;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// What an exchange discloses.
pub const DISCLOSED: [&str; 6] = ["url", "headers", "bodies", "error", "request_digest", "response_digest"];

/// One exchange: address, headers without what is secret, digests, and bodies where the integration keeps them.
#[utoipa::path(get, path = "/v1/exchanges/{id}", tag = "integrations", params(("id" = String, Path, description = "The exchange's id")),
    responses((status = 200, description = "The exchange", body = Object), (status = 404, description = "There is none")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let id: ExchangeId = named("exchange", &id)?;
    let unknown = || ApiError::not_found(format!("exchange {id}"));
    let row = app.row(&EXCHANGE, &caller.tenant, vec![Cell::of(&id)]).await?.ok_or_else(unknown)?;
    let mut items = [to_json(&EXCHANGE, &row)];
    app.join(&caller.tenant, &mut items, "index", &DISCLOSED).await?;
    let [item] = items;
    Ok(Json(item))
}
