//! `POST /v1/frameworks/starter`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::framework::starter;

use super::import::{Imported, take};
use crate::api::command_id;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;

/// Import the starter catalogue that ships with the product.
#[utoipa::path(post, path = "/v1/frameworks/starter", tag = "frameworks",
    responses((status = 201, description = "Imported", body = Imported), (status = 200, description = "It was there already", body = Imported)))]
pub async fn import_starter(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Imported>), ApiError> {
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    take(&app, &caller, id, &starter::id(), starter::catalog()).await
}
