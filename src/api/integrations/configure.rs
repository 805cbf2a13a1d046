//! `PUT /v1/integrations/{id}/configuration`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::IntegrationId;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::adapters::Use;
use crate::connect::{operate, validate};
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// A configuration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureIntegration {
    /// The configuration; secrets stand in it by reference only (confidential).
    #[schema(value_type = Object)]
    config: Value,
    /// How often it works, in seconds.
    cadence_seconds: Option<u32>,
    /// Where the other system is (confidential).
    endpoint: Option<String>,
    /// The number of the configuration that this replaces, 0 for the first; whichever it is without it.
    replaces: Option<u32>,
}

/// Give an integration another configuration; one that does not fit its adapter is refused. Earlier ones stay in the
/// history.
#[utoipa::path(put, path = "/v1/integrations/{id}/configuration", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    request_body = ConfigureIntegration, responses((status = 201, description = "Configured", body = Changed), (status = 200, description = "It was so before", body = Changed)))]
pub async fn configure(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: ConfigureIntegration = shape(canonical.as_bytes())?;
    let id: IntegrationId = named("integration", &id)?;
    if let Some(row) = app.integration(&caller.tenant, &id).await?
        && operate::has_adapter(&app, Use::from(&row))
        && let Err(misfits) =
            operate::check(&app, &caller.tenant, (&row.integration, Use::from(&row)), &body.config).await?
    {
        return Err(validate::problem(&misfits, "/config"));
    }
    let command = IntegrationCommand::Configure {
        replaces: body.replaces,
        config: body.config,
        cadence_seconds: body.cadence_seconds,
        endpoint: body.endpoint,
    };
    let stream = id.stream();
    Changed::by::<Integration>(&app, (&caller, &headers), (id, stream), canonical.as_bytes(), &command).await
}
