//! `GET /v1/evidence`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::{Cell, Query, Test};
use ledger::time::Timestamp;
use ledger_projections::evidence::EVIDENCE;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Which evidence.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EvidenceFilter {
    /// Only this result.
    result: Option<String>,
    /// Only this check.
    check: Option<String>,
    /// Only this probe.
    probe: Option<String>,
    /// Only this control, `<framework>.<control>`.
    control: Option<String>,
    /// Only this state: submitted, accepted, rejected, superseded, expired.
    state: Option<String>,
    /// Only what was recorded from this time on.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only what was recorded before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Rows on the page, 1 to 1000; 50 without it.
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The confidential members that a list shows.
const SHOWN: &[&str] = &["title", "target"];

/// Evidence, newest first.
#[utoipa::path(get, path = "/v1/evidence", tag = "evidence", params(EvidenceFilter),
    responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<EvidenceFilter>,
) -> Result<Json<List>, ApiError> {
    let mut query = Query::new(&EVIDENCE, &caller.tenant).order_by("index").descending();
    for (column, value) in [
        ("result", &filter.result),
        ("check", &filter.check),
        ("probe", &filter.probe),
        ("state", &filter.state),
    ] {
        if let Some(value) = value {
            query = query.is_text(column, value);
        }
    }
    if let Some(control) = filter.control {
        query = query.filter("controls", Test::Contains(control));
    }
    if let Some(from) = filter.from {
        query = query.filter("as_of", Test::AtLeast(Cell::time(from)));
    }
    if let Some(to) = filter.to {
        query = query.filter("as_of", Test::Below(Cell::time(to)));
    }
    let mut list =
        app.list(paged(query, &PageParams { limit: filter.limit, cursor: filter.cursor })?).await?;
    app.join(&caller.tenant, &mut list.items, "index", SHOWN).await?;
    Ok(Json(list))
}
