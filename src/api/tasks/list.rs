//! `GET /v1/tasks`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::tasks::TASK;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Which tasks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TaskFilter {
    /// Only this state: `open`, `claimed` or `closed`.
    state: Option<String>,
    /// Only of this framework.
    framework: Option<String>,
    /// Only of this control; it needs the framework.
    control: Option<String>,
    /// Rows on the page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Tasks, newest first.
#[utoipa::path(get, path = "/v1/tasks", tag = "tasks", params(TaskFilter), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<TaskFilter>,
) -> Result<Json<List>, ApiError> {
    let mut query = Query::new(&TASK, &caller.tenant).order_by("opened_index").descending();
    let words = [("state", &filter.state), ("framework", &filter.framework), ("control", &filter.control)];
    for (column, value) in words {
        if let Some(value) = value {
            query = query.is_text(column, value);
        }
    }
    let mut list =
        app.list(paged(query, &PageParams { limit: filter.limit, cursor: filter.cursor })?).await?;
    app.join(&caller.tenant, &mut list.items, "title_index", &["title"]).await?;
    app.join(&caller.tenant, &mut list.items, "assignee_index", &["assignee"]).await?;
    Ok(Json(list))
}
