//! `GET /v1/events`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use ledger::readmodel::{Cell, Query, Test};
use ledger::time::Timestamp;
use ledger_projections::audit::AUDIT;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::api::page::{List, PageParams, paged};
use crate::app::App;
use crate::auth::principal::Caller;
use crate::error::ApiError;
use crate::http::query::Params;

/// Which events.
#[derive(Debug, Default, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventFilter {
    /// Only this type, for example `ledger.evidence.submitted.v1`.
    pub r#type: Option<String>,
    /// Only streams of this category, for example `control`.
    pub category: Option<String>,
    /// Only this stream.
    pub stream: Option<String>,
    /// Only what this actor caused.
    pub actor: Option<String>,
    /// Only what this event caused.
    pub cause: Option<String>,
    /// Only this conversation.
    pub correlation: Option<String>,
    /// Only from this time on.
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Only before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// Rows on the page, 1 to 1000; 50 without it.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

impl EventFilter {
    /// The question that it asks.
    pub fn query(&self, tenant: &ledger::ids::TenantId) -> Query {
        let mut query = Query::new(&AUDIT, tenant).descending();
        let words = [
            ("event_type", &self.r#type),
            ("category", &self.category),
            ("actor", &self.actor),
            ("cause", &self.cause),
            ("correlation", &self.correlation),
        ];
        for (column, value) in words {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                query = query.is_text(column, value);
            }
        }
        if let Some((category, id)) = self.stream.as_deref().and_then(|stream| stream.split_once('-')) {
            query = query.is_text("stream_id", id).is_text("category", category);
        }
        if let Some(from) = self.from {
            query = query.filter("as_of", Test::AtLeast(Cell::time(from)));
        }
        if let Some(to) = self.to {
            query = query.filter("as_of", Test::Below(Cell::time(to)));
        }
        query
    }
}

/// Search the history, newest first.
#[utoipa::path(get, path = "/v1/events", tag = "events", params(EventFilter), responses((status = 200, description = "A page", body = List)))]
pub async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    Params(filter): Params<EventFilter>,
) -> Result<Json<List>, ApiError> {
    let page = PageParams { limit: filter.limit, cursor: filter.cursor.clone() };
    let mut list = app.list(paged(filter.query(&caller.tenant), &page)?).await?;
    list.items.iter_mut().for_each(name_stream);
    Ok(Json(list))
}

/// The rows hold a stream in two parts; people and clients know it as one.
pub fn name_stream(item: &mut Map<String, Value>) {
    let part = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let stream = format!("{}-{}", part("category"), part("stream_id"));
    item.remove("stream_id");
    item.insert("stream".to_owned(), stream.into());
}
