//! `POST /v1/frameworks/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::framework::starter;

use super::import::{Imported, take};
use crate::api::command_id;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, NOT_FOUND};

/// Import a catalogue that ships with the product; the only one is `starter`.
#[utoipa::path(post, path = "/v1/frameworks/{id}", tag = "frameworks",
    params(("id" = String, Path, description = "Which one: starter")),
    responses((status = 201, description = "Imported", body = Imported), (status = 200, description = "It was there already", body = Imported),
              (status = 404, description = "No catalogue of this name ships with the product")))]
pub async fn import_starter(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(framework): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Imported>), ApiError> {
    if framework != starter::id().to_string() {
        return Err(ApiError::new(NOT_FOUND, format!("no catalogue {framework:?} ships with the product"))
            .hint("only `starter` does; PUT a catalogue of your own as OSCAL JSON"));
    }
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    take(&app, &caller, id, &starter::id(), starter::catalog()).await
}
