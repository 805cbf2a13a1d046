//! `POST /v1/intents/{id}/dry-run`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger_aggregates::values::IntentId;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::rehearse::{self, Rehearsed};
use crate::error::ApiError;

/// Every request of a piece of work up to the first that changes something: what it needs to know is read there, and
/// nothing is changed. No credential and no person's name is shown.
#[utoipa::path(post, path = "/v1/intents/{id}/dry-run", tag = "integrations", params(("id" = String, Path, description = "The intent's id")),
    responses((status = 200, description = "The requests", body = Rehearsed), (status = 404, description = "There is no such intent"), (status = 409, description = "It cannot be carried out, and why")))]
pub async fn dry_run(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Rehearsed>, ApiError> {
    let id: IntentId = named("intent", &id)?;
    rehearse::work(&app, &caller.tenant, id).await.map(Json)
}
