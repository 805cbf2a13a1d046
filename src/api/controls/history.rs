//! `GET /v1/controls/{framework}/{control}/history`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use ledger::readmodel::Query;
use ledger_projections::controls::CONTROL_HISTORY;

use super::get::reference;
use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Every change of a control's status, newest first, each with the evidence that made it.
#[utoipa::path(get, path = "/v1/controls/{framework}/{control}/history", tag = "controls",
    params(("framework" = String, Path, description = "The framework's id"), ("control" = String, Path, description = "The control's id"), PageParams),
    responses((status = 200, description = "A page", body = List)))]
pub async fn history(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((framework, control)): Path<(String, String)>,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let control = reference(&framework, &control)?;
    let query = Query::new(&CONTROL_HISTORY, &caller.tenant)
        .is("framework", &control.framework)
        .is("control", &control.control)
        .descending();
    app.list(paged(query, &page)?).await.map(Json)
}
