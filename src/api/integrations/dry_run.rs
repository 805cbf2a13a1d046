//! `POST /v1/integrations/{id}/dry-run`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger_aggregates::values::IntegrationId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::operate::Shown;
use crate::connect::rehearse::{Sample, open_ticket};
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// A sample ticket. What is left out has a sample value.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleTicket {
    /// One line.
    title: Option<String>,
    /// What it is about.
    text: Option<String>,
    /// `info`, `warning` or `critical`.
    severity: Option<String>,
}

/// The exact request that would open a ticket, without sending it. What it needs to know is read at the other side; no
/// credential is shown.
#[utoipa::path(post, path = "/v1/integrations/{id}/dry-run", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    request_body = SampleTicket, responses((status = 200, description = "The request", body = Object), (status = 404, description = "There is none"), (status = 409, description = "It cannot say, and why")))]
pub async fn dry_run(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Canonical(canonical): Canonical,
) -> Result<Json<Shown>, ApiError> {
    let body: SampleTicket = shape(canonical.as_bytes())?;
    let id: IntegrationId = named("integration", &id)?;
    let sample = Sample {
        title: body.title.unwrap_or_else(|| "A sample ticket of the ledger".into()),
        text: body.text.unwrap_or_else(|| "It shows which request would open a ticket.".into()),
        severity: body.severity.unwrap_or_else(|| "warning".into()),
    };
    open_ticket(&app, &caller.tenant, &id, &sample).await.map(Json)
}
