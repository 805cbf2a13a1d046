//! `GET /v1/adapters`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::connect::adapters::{self, Described};
use crate::error::ApiError;

/// The adapters of this machine.
#[derive(Debug, Serialize, ToSchema)]
pub struct Adapters {
    /// Those that are part of the product, then packages by name.
    items: Vec<Described>,
}

/// The adapters that there are, each with the schema of what it is told.
#[utoipa::path(get, path = "/v1/adapters", tag = "integrations", responses((status = 200, description = "All of them", body = Adapters)))]
pub async fn list(State(app): State<Arc<App>>) -> Result<Json<Adapters>, ApiError> {
    // It reads and digests files.
    let read = tokio::task::spawn_blocking(move || adapters::all(&app.connect.packages));
    let items = read.await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    Ok(Json(Adapters { items }))
}
