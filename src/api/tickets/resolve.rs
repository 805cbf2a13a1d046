//! `POST /v1/tickets/{id}/conflicts/{field}`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use ledger_aggregates::ticket::TicketCommand;
use ledger_aggregates::values::{ConflictChoice, FieldName};
use serde::Deserialize;
use utoipa::ToSchema;

use super::order;
use crate::api::receipt::Changed;
use crate::api::{named, word};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::body::{Canonical, shape};

/// Which side is right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveConflict {
    /// `ours`: our value is written; `theirs`: their value is taken.
    #[schema(example = "ours")]
    choice: String,
    /// Why (confidential).
    note: Option<String>,
}

/// Decide about a field that both sides changed.
#[utoipa::path(post, path = "/v1/tickets/{id}/conflicts/{field}", tag = "tickets",
    params(("id" = String, Path, description = "The ticket's id"), ("field" = String, Path, description = "The field")),
    request_body = ResolveConflict, responses((status = 201, description = "Decided", body = Changed), (status = 200, description = "It was so before", body = Changed), (status = 404, description = "There is no such ticket or conflict")))]
pub async fn resolve(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, field)): Path<(String, String)>,
    headers: HeaderMap,
    Canonical(canonical): Canonical,
) -> Result<(StatusCode, Json<Changed>), ApiError> {
    let body: ResolveConflict = shape(canonical.as_bytes())?;
    let command = TicketCommand::Resolve {
        field: named::<FieldName>("field", &field)?,
        choice: word::<ConflictChoice>("/choice", &body.choice)?,
        note: body.note,
    };
    let verb = format!("resolve {field}");
    order(&app, &caller, &id, &headers, (&verb, canonical.as_bytes()), &command).await
}
