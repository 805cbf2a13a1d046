//! `PUT /v1/frameworks/{id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger::ids::CommandId;
use ledger_aggregates::framework::{Catalog, Framework, FrameworkCommand, oscal, starter};
use ledger_aggregates::values::FrameworkId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::{Receipt, command_id, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::commands::Order;
use crate::error::{ApiError, CONFLICT, INVALID};
use crate::http::body::Canonical;

/// An imported framework.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    /// The framework's id.
    pub framework: String,
    /// How many controls it has.
    pub controls: usize,
    /// What was committed; absent where this edition was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Import a catalogue: an OSCAL catalog in JSON, for example NIST SP 800-53.
#[utoipa::path(put, path = "/v1/frameworks/{id}", tag = "frameworks",
    params(("id" = String, Path, description = "The id that evidence will name, for example nist-800-53")),
    request_body(content = Object, description = "An OSCAL catalog (JSON, version 1)"),
    responses((status = 201, description = "Imported", body = Imported), (status = 200, description = "This edition was there already", body = Imported),
              (status = 409, description = "The id is that of the catalogue which ships with the product")))]
pub async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(framework): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Imported>), ApiError> {
    let document: Value = serde_json::from_slice(canonical.as_bytes()).map_err(ApiError::internal)?;
    let catalog = oscal::from_value(&document).map_err(|error| {
        ApiError::new(INVALID, error.to_string()).at(error.pointer(), error.to_string()).hint(error.hint())
    })?;
    let framework = word::<FrameworkId>("", &framework)?;
    if framework == starter::id() {
        return Err(ApiError::new(
            CONFLICT,
            "the id `starter` is that of the catalogue which ships with the product",
        )
        .hint("choose another id for a catalogue of your own; POST to this path imports the shipped one"));
    }
    let id = command_id(&headers, &*app.clock, &*app.entropy)?;
    take(&app, &caller, id, &framework, catalog).await
}

/// Commands an import and waits until its controls take evidence.
///
/// # Errors
/// What the rules of frameworks refuse, or the store.
pub async fn take(
    app: &App,
    caller: &Caller,
    id: CommandId,
    framework: &FrameworkId,
    catalog: Catalog,
) -> Result<(StatusCode, Json<Imported>), ApiError> {
    let controls = catalog.controls.len();
    // An edition is known by its framework and version; its content is held against the log by the aggregate.
    let identity = format!("import {framework} {}", catalog.version);
    let order = Order::new(caller, framework.stream(), id, identity.as_bytes());
    let done = app.command::<Framework>(&order, &FrameworkCommand::Import(Box::new(catalog))).await?;
    app.directory_at(done.position).await?;
    let receipt = match done.first_index {
        None => None,
        Some(_) => Some(app.receipt(&caller.tenant, &done).await?),
    };
    Ok((done.status(), Json(Imported { framework: framework.to_string(), controls, receipt })))
}
