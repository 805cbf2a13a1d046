//! `POST /v1/integrations/{id}/configuration/validate`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger_aggregates::values::IntegrationId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::adapters::Use;
use crate::connect::{operate, validate as rules};
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// A configuration to be checked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateConfiguration {
    /// The configuration.
    #[schema(value_type = Object)]
    config: Value,
}

/// A configuration that fits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fits {
    /// Always true: what does not fit is a problem that names each member.
    fits: bool,
}

/// Check a configuration without putting it in force. Nothing is sent to the other system.
#[utoipa::path(post, path = "/v1/integrations/{id}/configuration/validate", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    request_body = ValidateConfiguration, responses((status = 200, description = "It fits", body = Fits), (status = 422, description = "It does not; each place is named")))]
pub async fn validate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Canonical(canonical): Canonical,
) -> Result<Json<Fits>, ApiError> {
    let body: ValidateConfiguration = shape(canonical.as_bytes())?;
    let id: IntegrationId = named("integration", &id)?;
    let row = app.integration(&caller.tenant, &id).await?;
    let row = row.ok_or_else(|| ApiError::not_found(format!("integration {id}")))?;
    match operate::check(&app, &caller.tenant, (&row.integration, Use::from(&row)), &body.config).await? {
        Ok(_) => Ok(Json(Fits { fits: true })),
        Err(misfits) => Err(rules::problem(&misfits, "/config")),
    }
}
