//! `POST /v1/integrations/{id}/configurations/{version}/restore`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::IntegrationId;

use super::compare;
use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::adapters::Use;
use crate::connect::{operate, validate};
use crate::error::ApiError;

/// Give an integration an earlier configuration again. It gets a number of its own, so the history stays whole.
#[utoipa::path(post, path = "/v1/integrations/{id}/configurations/{version}/restore", tag = "integrations",
    params(("id" = String, Path, description = "The integration's id"), ("version" = u64, Path, description = "The configuration's number")),
    responses((status = 201, description = "In force again", body = Changed), (status = 200, description = "It was so before", body = Changed), (status = 404, description = "There is none"), (status = 422, description = "It fits no more; each place is named")))]
pub async fn restore(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    let restores: u32 = named("configuration", &version)?;
    let kept = compare::find(&app, &caller.tenant, &id, restores.into()).await?;
    if let Some(row) = app.integration(&caller.tenant, &id).await?
        && operate::has_adapter(&app, Use::from(&row))
        && let Err(misfits) =
            operate::check(&app, &caller.tenant, (&row.integration, Use::from(&row)), &kept.config).await?
    {
        return Err(validate::problem(&misfits, ""));
    }
    let command = IntegrationCommand::Restore {
        replaces: None,
        restores,
        config: kept.config,
        cadence_seconds: kept.row.cadence_seconds.and_then(|seconds| seconds.try_into().ok()),
        endpoint: kept.endpoint,
    };
    let (stream, identity) = (id.stream(), format!("restore {restores}"));
    Changed::by::<Integration>(&app, (&caller, &headers), (id, stream), identity.as_bytes(), &command).await
}
