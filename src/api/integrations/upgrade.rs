//! `POST /v1/integrations/{id}/upgrade` and `POST /v1/integrations/{id}/rollback`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::{IntegrationId, Version};
use ledger_projections::integrations::IntegrationRow;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::receipt::Changed;
use crate::api::{named, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::upgrade::{Wish, choice, may_go_back};
use crate::error::{ApiError, INVALID};
use crate::http::body::{Canonical, shape};

/// Which adapter an integration is to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// An installed version of the package of its kind; the newest that fits without it.
    version: Option<String>,
    /// The adapter of the product, or the version that is pinned for all, instead of one of its own.
    #[serde(default)]
    unpin: bool,
}

async fn found(app: &App, caller: &Caller, id: &IntegrationId) -> Result<IntegrationRow, ApiError> {
    let row = app.integration(&caller.tenant, id).await?;
    row.ok_or_else(|| ApiError::not_found(format!("integration {id}")))
}

/// Let an integration run another version of its adapter, whatever others run: a package may take the place of an adapter
/// that is part of the product. One that does not fit the configuration in force is refused.
#[utoipa::path(post, path = "/v1/integrations/{id}/upgrade", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    request_body = Upgrade, responses((status = 201, description = "Chosen", body = Changed), (status = 200, description = "It was so before", body = Changed), (status = 409, description = "There is none that fits, and why")))]
pub async fn upgrade(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: Upgrade = shape(canonical.as_bytes())?;
    let id: IntegrationId = named("integration", &id)?;
    let wish = match (&body.version, body.unpin) {
        (None, false) => Wish::Newest,
        (None, true) => Wish::Unpin,
        (Some(version), false) => Wish::Version(word("/version", version)?),
        (Some(_), true) => {
            let detail = "a version and unpin exclude each other";
            return Err(ApiError::new(INVALID, format!("/unpin: {detail}")).at("/unpin", detail));
        }
    };
    let row = found(&app, &caller, &id).await?;
    let version: Option<Version> = choice(&app, &caller.tenant, &row, &wish).await?;
    let (command, stream) = (IntegrationCommand::Choose { version }, id.stream());
    Changed::by::<Integration>(&app, (&caller, &headers), (id, stream), canonical.as_bytes(), &command).await
}

/// Let an integration run the adapter that it ran before it was last upgraded.
#[utoipa::path(post, path = "/v1/integrations/{id}/rollback", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    responses((status = 201, description = "Gone back", body = Changed), (status = 409, description = "Nothing was chosen before, or it fits no more")))]
pub async fn rollback(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    may_go_back(&app, &caller.tenant, &found(&app, &caller, &id).await?).await?;
    let (stream, identity) = (id.stream(), format!("rollback {id}"));
    let command = IntegrationCommand::GoBack;
    Changed::by::<Integration>(&app, (&caller, &headers), (id, stream), identity.as_bytes(), &command).await
}
