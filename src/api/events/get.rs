//! `GET /v1/events/{index}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::event::{EventHash, Header};
use ledger::ids::TenantId;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::history::proof;

/// One event, as it was signed, and what else is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Its number in the log.
    pub index: u64,
    /// The signed header (its bytes are in `entry`).
    #[schema(value_type = Object)]
    pub header: Box<RawValue>,
    /// The hash that the next event of the stream names as `prev`.
    pub hash: String,
    /// The log entry: a DSSE envelope, base64.
    pub entry: String,
    /// The confidential and personal members that are disclosed to the caller.
    pub disclosed: Map<String, Value>,
    /// How many members of the event are not disclosed (any more).
    pub withheld: usize,
}

/// One event.
#[utoipa::path(get, path = "/v1/events/{index}", tag = "events", params(("index" = u64, Path, description = "The event's number in the log")),
    responses((status = 200, description = "The event", body = EventView), (status = 404, description = "The log is shorter")))]
pub async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(index): Path<String>,
) -> Result<Json<EventView>, ApiError> {
    view(&app, &caller.tenant, crate::api::named("event", &index)?).await.map(Json)
}

/// One event with its disclosures.
///
/// # Errors
/// `not-found`
pub async fn view(app: &App, tenant: &TenantId, index: u64) -> Result<EventView, ApiError> {
    let event = proof::event(&*app.store, tenant, index).await?;
    let header = Header::parse_trusted(&event.header).map_err(ApiError::internal)?;
    let disclosed: Map<String, Value> = app.opened(tenant, &[index]).await?.into_values().flatten().collect();
    let text = String::from_utf8(event.header.to_vec()).map_err(ApiError::internal)?;
    Ok(EventView {
        index,
        hash: EventHash::of(&event.header).to_string(),
        entry: ledger::b64::encode(proof::entry(&event)?),
        withheld: header.sd.len().saturating_sub(disclosed.len()),
        disclosed,
        header: RawValue::from_string(text).map_err(ApiError::internal)?,
    })
}
