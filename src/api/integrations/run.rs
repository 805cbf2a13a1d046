//! `POST /v1/integrations/{id}/runs/now`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger_aggregates::values::IntegrationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::named;
use crate::app::App;
use crate::auth::principal::Caller;
use crate::connect::operate;
use crate::connect::runs::Made;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// A run to be made now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunNow {
    /// `poll`, `health`, `reconcile` or `subscribe`: see that the other side sends its messages here.
    what: String,
}

/// How a run ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ran {
    /// Did it read everything it was to read?
    whole: bool,
    /// How many facts it found.
    facts: u32,
    /// What the connection is: account and product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    health: Option<serde_json::Value>,
    /// What is in the way, and what can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Look now whether the connection works, or read now what has changed; answered when it is done.
#[utoipa::path(post, path = "/v1/integrations/{id}/runs/now", tag = "integrations", params(("id" = String, Path, description = "The integration's id")),
    request_body = RunNow, responses((status = 200, description = "It was made, as it says", body = Ran)))]
pub async fn run(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Canonical(canonical): Canonical,
) -> Result<Json<Ran>, ApiError> {
    let body: RunNow = shape(canonical.as_bytes())?;
    let id: IntegrationId = named("integration", &id)?;
    let what = operate::run_kind(&body.what)?;
    Ok(Json(match operate::run_now(&app, &caller.tenant, &id, what).await? {
        Made::Before => Ran { whole: true, facts: 0, health: None, problem: None },
        Made::Whole { facts, health } => {
            let health = health.and_then(|health| serde_json::to_value(health).ok());
            Ran { whole: true, facts, health, problem: None }
        }
        Made::Broken(failure) => {
            Ran { whole: false, facts: 0, health: None, problem: Some(operate::to_people(&failure)) }
        }
    }))
}
