//! `GET /v1/credentials`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::Query;
use ledger_projections::credentials::CREDENTIAL;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Credentials: roles, states and when each was last used; never secrets.
#[utoipa::path(get, path = "/v1/credentials", tag = "credentials", params(PageParams), responses((status = 200, description = "A page", body = List)))]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(page): Params<PageParams>,
) -> Result<Json<List>, ApiError> {
    let mut list = app.list(paged(Query::new(&CREDENTIAL, &caller.tenant), &page)?).await?;
    app.join(&caller.tenant, &mut list.items, "label_index", &["label"]).await?;
    for item in &mut list.items {
        let id = item.get("credential").and_then(serde_json::Value::as_str).unwrap_or_default();
        if let Some(at) = app.credentials.get(id).and_then(|entry| entry.last_used()) {
            item.insert("last_used_at".to_owned(), at.to_string().into());
        }
    }
    Ok(Json(list))
}
