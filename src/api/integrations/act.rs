//! `POST /v1/integrations/{id}/{action}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::integration::{Integration, IntegrationCommand};
use ledger_aggregates::values::{IntegrationId, PauseReason, RetireReason};

use crate::api::named;
use crate::api::receipt::Changed;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::{ApiError, NOT_FOUND};

fn action(name: &str) -> Result<IntegrationCommand, ApiError> {
    Ok(match name {
        "enable" => IntegrationCommand::Enable,
        "pause" => IntegrationCommand::Pause { reason: PauseReason::Requested },
        "resume" => IntegrationCommand::Resume,
        "retire" => IntegrationCommand::Retire { reason: RetireReason::Requested },
        _ => {
            return Err(ApiError::new(NOT_FOUND, format!("there is no action {name:?}"))
                .hint("the actions are enable, pause, resume and retire"));
        }
    })
}

/// Enable, pause, resume or retire an integration.
#[utoipa::path(post, path = "/v1/integrations/{id}/{action}", tag = "integrations",
    params(("id" = String, Path, description = "The integration's id"), ("action" = String, Path, description = "enable, pause, resume or retire")),
    responses((status = 201, description = "Done", body = Changed), (status = 200, description = "It was so before", body = Changed)))]
pub async fn act(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let id: IntegrationId = named("integration", &id)?;
    let command = action(&name)?;
    let stream = id.stream();
    let identity = format!("{name} {id}");
    Changed::by::<Integration>(&app, (&caller, &headers), (id, stream), identity.as_bytes(), &command).await
}
